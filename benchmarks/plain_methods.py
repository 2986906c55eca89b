"""How much faster a batched method trains than the same model as a plain method, in whole runs.

    python benchmarks/plain_methods.py [--seeds 30] [--epochs 30] [--rounds 3]

Both train the same number of trials of the VAE with classifier of `derp_vae` on the embedded
digits, stored trials and plans of their own choice included: batched in cohorts, plain one by one
in as many processes as there are cores. The plain form is written as a tutorial would write it.
They are run in turn, round after round; the ratio is the median over rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import machine_name
from latentlab.data import prepare, save_prepared
from latentlab.metrics.latent import kl_to_standard_normal
from latentlab.studies.derp_vae.config import DerpVaeConfig, ModelConfig, ObjectiveConfig
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training.config import TrainingConfig
from latentlab.training.contract import AnyMethod, Batch, DataSpec, Tensors
from latentlab.training.plain.method import PlainMethod, Step
from latentlab.training.runner import Trainer
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial


class Vae(nn.Module):
    """The dense model of `derp_vae` with torch's own layers."""

    def __init__(self, pixels: int, hidden: int, latent: int, classes: int, drop: float) -> None:
        super().__init__()
        half = hidden // 2
        self.encoder = nn.Sequential(
            *(nn.Linear(pixels, hidden), nn.ReLU(), nn.Dropout(drop)),
            *(nn.Linear(hidden, half), nn.ReLU()),
        )
        self.mean, self.log_variance = nn.Linear(half, latent), nn.Linear(half, latent)
        self.decoder = nn.Sequential(
            *(nn.Linear(latent, half), nn.ReLU(), nn.Dropout(drop)),
            *(nn.Linear(half, hidden), nn.ReLU(), nn.Linear(hidden, pixels)),
        )
        self.classifier = nn.Sequential(
            *(nn.Linear(latent, 2 * latent), nn.ReLU(), nn.Dropout(0.3)),
            nn.Linear(2 * latent, classes),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return logits of pixels and of classes, and the moments of q(z|x)."""
        h = self.encoder(x.flatten(1))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decoder(z), self.classifier(z), mean, log_variance


class PlainDerpVae(PlainMethod):
    """The standard VAE with classifier, written by hand."""

    name = "plain_derp_vae"

    def build(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """Return the model, initialised as torch does."""
        model = config.model
        pixels = int(np.prod(spec.shape))
        return Vae(pixels, model.hidden, model.latent_dim, spec.classes, model.dropout)

    def training_step(self, module: Any, batch: Batch, step: Step) -> tuple[Tensor, Tensors]:
        """Return the loss of `derp_vae` and its terms."""
        x, objective = batch.features.flatten(1), step.config.objective
        logits, classes, mean, log_variance = module(x)
        terms = {
            "reconstruction": functional.binary_cross_entropy_with_logits(
                logits, x, reduction="sum"
            )
            / len(x),
            "kl": kl_to_standard_normal(mean, log_variance).mean(),
            "classification": functional.cross_entropy(classes, batch.labels),
        }
        total = terms["reconstruction"] + objective.beta * terms["kl"]
        return total + objective.classification_weight * terms["classification"], terms


def config(epochs: int, hidden: int = 256) -> DerpVaeConfig:
    """Return the standard VAE of the study without the perceptual term."""
    return DerpVaeConfig(
        model=ModelConfig(hidden=hidden),
        objective=ObjectiveConfig(perceptual_weight=0.0),
        training=TrainingConfig(epochs=epochs),
    )


def planned(method: AnyMethod, seeds: int, chosen: DerpVaeConfig, data: str) -> list[Trial]:
    """Return a trial for each seed."""
    return [
        Trial("derp_vae", method.name, seed, chosen, data, "float32", method.version)
        for seed in range(seeds)
    ]


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    methods: tuple[AnyMethod, ...] = (METHOD, PlainDerpVae())
    seconds: dict[str, list[float]] = {method.name: [] for method in methods}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared = prepare("digits", {}, folder)
        save_prepared(prepared, folder / "prepared")
        for round_ in range(chosen.rounds):
            for method in methods:
                # The plans are measured once and kept, as they are in a project.
                store = TrialStore(folder / method.name / str(round_))
                trials = planned(method, chosen.seeds, config(chosen.epochs), prepared.fingerprint)
                start = time.perf_counter()
                with Trainer(method, folder / "prepared", store, ComputeConfig()) as trainer:
                    trainer.train(trials)
                seconds[method.name].append(time.perf_counter() - start)
    print(f"{chosen.seeds} trials of {chosen.epochs} epochs, {machine_name(torch.device('cpu'))}")
    for name, times in seconds.items():
        print(
            f"{name:<16} {statistics.median(times):7.1f} s ({min(times):.1f} to {max(times):.1f})"
        )
    ratios = [p / b for b, p in zip(*seconds.values(), strict=True)]
    print(f"batched over plain: x {statistics.median(ratios):.1f}")


if __name__ == "__main__":
    main()
