"""What a training step of the mixture harmonium costs as clusters and latents grow.

    python benchmarks/harmonium_cost.py [--seconds 4]

One trial alone, one thread, images of MNIST's size (random counts), batch 512, 10 posterior samples
an image, 1,024 prior samples. Sizes take turns, so that all see the same machine; the time should
grow linearly. Ends with the most memory that the process ever held: the largest size is clusters
40, latents 128.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch

from latentlab.compute.device import machine_name
from latentlab.data import load_prepared
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.method import METHOD
from latentlab.training.cohort import Cohort
from latentlab.training.data import StudyData
from latentlab.training.trial import Trial
from workloads import random_pixels

SIZES = [(10, 128), (20, 128), (30, 128), (40, 128), (20, 32), (20, 64), (20, 96)]
"""Clusters and latents."""
ROUNDS = 3


def seconds_per_step(cohort: Cohort, seconds: float) -> float:
    """Step for a while, never to the end of an epoch, whose validation is no training step."""
    cohort.restart()
    start, steps = time.perf_counter(), 0
    while steps < 3 or time.perf_counter() - start < seconds:
        if cohort.state.step + 1 >= cohort.epoch_steps:
            cohort.restart()
        cohort.advance()
        steps += 1
    return (time.perf_counter() - start) / steps


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each timing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cpu")
    print(machine_name(device), "1 thread")
    with tempfile.TemporaryDirectory() as folder:
        prepared = load_prepared(random_pixels(Path(folder) / "mnist", (1, 28, 28), 6000))
        data = StudyData.of(prepared, device)
        times: dict[tuple[int, int], list[float]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            for clusters, latents in SIZES:
                config = MixtureHarmoniumConfig.model_validate(
                    {
                        "model": {"clusters": clusters, "latent_dim": latents},
                        "objective": {"likelihood_samples": 10, "prior_samples": 1024},
                        "training": {"batch_size": 512, "epochs": 1000},
                    }
                )
                trial = Trial("mixture_harmonium", "a", 0, config, "mnist", "float32", 1)
                cohort = Cohort(METHOD, [trial], data, device)
                times[clusters, latents].append(seconds_per_step(cohort, arguments.seconds))
    for (clusters, latents), found in times.items():
        step = statistics.median(found)
        print(
            f"clusters {clusters}, latents {latents}: {1e3 * step:.0f} ms a step, "
            f"{1e6 * step / clusters / latents:.1f} us per cluster and latent"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"most memory held: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
