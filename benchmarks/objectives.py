"""How many steps of a VAE and of a beta-VAE a core makes in a cohort, and by pythae's trainer.

    python benchmarks/objectives.py [--rounds 5] [--seconds 2]

Both train the model of `vae_objectives`, whose loss is found to be the same, on the same pictures
with the same batch, optimiser and rate: ours in a compiled cohort, pythae one model. They take
turns in one process of one thread, round after round, and CPU time counts, so that other programs
disturb little. Without pythae nothing is measured: `pip install --no-deps pythae` is enough.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from cohorts import data_of, per_cpu_second, steps_of
from latentlab.compute.device import compute_with, machine_name
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig
from latentlab.studies.vae_objectives.method import METHOD
from latentlab.training.cohort import Cohort
from latentlab.training.contract import Clock
from latentlab.training.per_trial import per_trial_values
from latentlab.training.trial import Trial
from workloads import random_pixels

CPU = torch.device("cpu")
BETAS = {"VAE": 1.0, "beta-VAE of 4": 4.0}


@dataclass(frozen=True)
class Size:
    """One size of pictures and model.

    Attributes:
        shape: channels, height, width.
        examples: how many pictures there are to train on, validation among them.
        model: hidden units and latent units.
        batch: examples of a step.
        cohort: models that are trained together; more of the larger ones leave the caches.
        asked: times pythae's steps for each core.
    """

    shape: tuple[int, int, int]
    examples: int
    model: dict[str, int]
    batch: int
    cohort: int
    asked: float


SIZES = {
    "digits": Size((1, 8, 8), 1437, {"hidden": 128, "latent_dim": 8}, 64, 16, 5.0),
    "cifar10": Size((3, 32, 32), 6000, {"hidden": 256, "latent_dim": 4}, 128, 2, 1.5),
}


def loops_of(size: Size, beta: float, folder: Path) -> tuple[Callable[[], int], Callable[[], int]]:
    """Return what trains a cohort and what trains pythae's model; calls return their steps.

    Raises:
        AssertionError: the two are not the same model.
    """
    from pythae_peer import epochs_of, model_of

    prepared = random_pixels(folder / str(size.batch), size.shape, size.examples)
    config = VaeObjectivesConfig.model_validate(
        {
            "model": size.model,
            "objective": {"beta": beta},
            "training": {"epochs": 1000, "batch_size": size.batch},
        }
    )
    trials = [
        Trial("vae_objectives", "a", seed, config, prepared.name, "float32", 1)
        for seed in range(size.cohort)
    ]
    data = data_of(prepared, "cpu")
    cohort = Cohort(METHOD, trials, data, CPU, compiled=True)
    pictures = data.train.batch(torch.arange(cohort.epoch_steps * size.batch))

    objective = METHOD.of(config)
    vae = objective.build(config, data.spec, np.random.default_rng(0))
    peer = model_of(vae, beta)
    # Both draw z by torch's generator, from one seed.
    torch.manual_seed(0)
    theirs = peer({"data": pictures.features}).loss
    torch.manual_seed(0)
    noise = {"latent": torch.randn(len(pictures.features), config.model.latent_dim)}
    hyper = {key: torch.tensor(value) for key, value in per_trial_values(config).items()}
    clock = Clock(torch.tensor(0.0), torch.tensor(0.0), torch.tensor(1.0))
    ours, _, _ = objective.loss(vae, pictures, hyper, noise, {}, clock)
    torch.testing.assert_close(theirs, ours)

    rate = config.training.learning_rate
    return steps_of(cohort), epochs_of(peer, pictures.features, size.batch, rate, folder / "pythae")


def compared(size: Size, beta: float, rounds: int, seconds: float, folder: Path) -> str:
    """Return how many steps both make, and the ratio."""
    loops = loops_of(size, beta, folder)
    models = size.cohort, 1
    for loop in loops * 2:
        loop()
    measured = [
        [per_cpu_second(loop, seconds) * count for loop, count in zip(loops, models, strict=True)]
        for _ in range(rounds)
    ]
    ours, theirs = (statistics.median(column) for column in zip(*measured, strict=True))
    ratios = sorted(a / b for a, b in measured)
    return (
        f"trial-steps per CPU second: {ours:,.0f}, pythae {theirs:,.0f}: "
        f"x {statistics.median(ratios):.2f} (rounds {ratios[0]:.2f} to {ratios[-1]:.2f}; "
        f"asked {size.asked:g})"
    )


def main() -> None:
    """Print a line for each size and objective."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU time of each timing")
    arguments = parser.parse_args()
    if find_spec("pythae") is None:
        print("skipped: pythae is not installed (pip install --no-deps pythae)")
        return
    logging.disable(logging.INFO)
    compute_with(1, "float32")
    print(f"{machine_name(CPU)}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for (name, size), (objective, beta) in itertools.product(SIZES.items(), BETAS.items()):
            found = compared(size, beta, arguments.rounds, arguments.seconds, Path(folder))
            print(f"{name}, {objective}, cohort of {size.cohort}: {found}", flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
