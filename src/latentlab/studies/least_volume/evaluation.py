"""What is measured on trained weights, drawn for figures, and answered by a registered model.

Everything is of the whole split and does not depend on how it is cut into chunks. Norms of a
decoder with spectral norm are iterated to convergence first, so that its bound holds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.example_mean import ExampleMean
from latentlab.studies.least_volume.converged import converged
from latentlab.studies.least_volume.lipschitz import empirical_lipschitz
from latentlab.studies.least_volume.method import METHOD
from latentlab.studies.least_volume.metrics import FAILURES, SMALLEST_ERROR
from latentlab.studies.least_volume.model import Autoencoder
from latentlab.studies.least_volume.volume import deviations, log_volume, masked
from latentlab.training.contract import Tensors
from latentlab.training.streams import generator

VERSION = 1
"""Raised when a score or a picture of the same model changes."""

CHUNK = 128
"""Designs at a time: bounds memory at designs x channels x resolution."""
STRETCHED = 64
"""Latent points, evenly spaced over the split, at which the decoder's stretch is measured."""


class _Coder(NamedTuple):
    """Encoder and decoder of a trained trial, with norms that are iterated to convergence."""

    module: Autoencoder
    state: Tensors
    hyper: Tensors

    @classmethod
    def of(cls, model: TrainedModel) -> Self:
        """Return the encoder and decoder of a trial."""
        return cls(model.module, converged(model.module, model.state), model.hyper)

    def encode(self, features: Tensor) -> Tensor:
        """Return what the encoder says, of pruned dimensions too, [designs, latent]."""
        parts = [self.module.encode(x, self.state, False)[0] for x in features.split(CHUNK)]
        return torch.cat(parts)

    def masked(self, z: Tensor) -> Tensor:
        """Return latents with pruned dimensions at the values they were frozen at."""
        return masked(z, self.state["active"], self.state["frozen"])

    def decode(self, z: Tensor) -> Tensor:
        """Return designs at their own size, [designs, channels, height, width]."""
        parts = [
            self.module.decode(part, self.state, self.hyper, False)[0]
            for part in self.masked(z).split(CHUNK)
        ]
        return torch.cat(parts)

    def decode_unresized(self, z: Tensor) -> Tensor:
        """Return designs at the decoder's own resolution: what a Lipschitz bound is about."""
        return self.module.decode_unresized(self.masked(z), self.state, self.hyper, False)[0]


@torch.no_grad()
def evaluate(model: TrainedModel, features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return all metrics but the times, of one trial on one split.

    Args:
        model: the trial; arms of a seed share the directions in which the decoder's stretch is
            sought.
        features: [designs, channels, height, width] in [0, 1].
        labels: not needed.

    Returns:
        Scores by metric name; `log_volume` only where a dimension is active,
        `lipschitz_bound_product` only with `spectral_norm: operator`, `first_prune_epoch` only
        where something was pruned.
    """
    trained = _Coder.of(model)
    state, active = trained.state, trained.state["active"]
    z = trained.encode(features)
    parts = [
        (trained.decode(part) - x).double().square().flatten(1).mean(1)
        for part, x in zip(z.split(CHUNK), features.split(CHUNK), strict=True)
    ]
    error = ExampleMean.of(torch.cat(parts))
    scores = {
        "reconstruction_error": error,
        "log_reconstruction_error": math.log(max(error, SMALLEST_ERROR)),
        "active_dimensions": float(active.sum()),
        "active_share": float(active.mean()),
        "lipschitz_estimate": _stretch(trained, z, model.stream),
    }
    if active.any():
        eta = trained.hyper["objective.eta"].double()
        scores["log_volume"] = float(log_volume(deviations(z.double()), active, eta))
    if model.config.model.spectral_norm == "operator":
        norms = trained.module.layer_norms(state, trained.hyper)
        product = math.prod(float(norm) for norm in norms.values())
        # To the digits that single precision has: the rest would look like a spread over seeds.
        scores["lipschitz_bound_product"] = float(f"{product:.5g}")
    if state["first_prune"] >= 0:
        scores["first_prune_epoch"] = float(state["first_prune"])
    outcome = METHOD.outcome(state, {})
    scores |= {name: float(outcome == name) for name in FAILURES}
    return scores | {"failed": float(outcome in FAILURES)}


@torch.no_grad()
def pictures(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return arrays for figures; nothing is random.

    Returns:
        `reconstruction` [n, c, h, w]; `latent`: active dimensions, that of the largest deviation
        first, at least two columns where there are two dimensions; `deviations`: of what the
        encoder says, of pruned dimensions too, largest first, [latent]; `kept`: which of these are
        active, bool [latent].
    """
    trained = _Coder.of(model)
    active = trained.state["active"] > 0
    z = trained.encode(features)
    sd = deviations(z.double())
    shown = torch.where(active, sd, -1.0).argsort(descending=True)[: max(2, int(active.sum()))]
    order = sd.argsort(descending=True)
    arrays = {
        "reconstruction": trained.decode(z),
        "latent": trained.masked(z)[:, shown],
        "deviations": sd[order],
        "kept": active[order],
    }
    return {name: array.cpu().numpy() for name, array in arrays.items()}


@torch.no_grad()
def predict(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return active latents `latent_<dimension>`, and the reconstruction as `pixel_<index>`."""
    trained = _Coder.of(model)
    z = trained.encode(features)
    kept = trained.state["active"].nonzero().flatten().tolist()
    pixels = trained.decode(z).flatten(1)
    columns = {f"latent_{j}": z[:, j] for j in kept}
    columns |= {f"pixel_{i}": pixels[:, i] for i in range(pixels.shape[1])}
    return {name: column.cpu().numpy() for name, column in columns.items()}


def _stretch(trained: _Coder, z: Tensor, stream: int) -> float:
    """Return how much the decoder stretches distances, in the directions that are not pruned."""
    positions = torch.linspace(0, len(z) - 1, min(STRETCHED, len(z)), device=z.device).long()
    rng = generator(stream, "scores/lipschitz")
    return empirical_lipschitz(trained.decode_unresized, trained.masked(z[positions]), rng)
