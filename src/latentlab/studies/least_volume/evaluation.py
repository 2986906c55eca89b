"""What is measured on trained weights, drawn for figures, and answered by a registered model.

Everything is of the whole split and does not depend on how it is cut into chunks. Norms of a
decoder with spectral norm are iterated to convergence first, so that its bound holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.converged import converged
from latentlab.studies.least_volume.lipschitz import empirical_lipschitz
from latentlab.studies.least_volume.method import METHOD
from latentlab.studies.least_volume.metrics import FAILURES, SMALLEST_ERROR
from latentlab.studies.least_volume.model import Autoencoder
from latentlab.studies.least_volume.volume import deviations, log_volume, masked
from latentlab.training.contract import DataSpec, Tensors
from latentlab.training.per_trial import per_trial_values
from latentlab.training.streams import generator

CHUNK = 128
"""Designs at a time: bounds memory at designs x channels x resolution."""
STRETCHED = 64
"""Latent points, evenly spaced over the split, at which the decoder's stretch is measured."""


class _Trained(NamedTuple):
    """A trained trial, ready to be asked."""

    model: Autoencoder
    state: Tensors
    hyper: Tensors

    def encode(self, features: Tensor) -> Tensor:
        """What the encoder says, of pruned dimensions too, [designs, latent]."""
        parts = [self.model.encode(x, self.state, False)[0] for x in features.split(CHUNK)]
        return torch.cat(parts)

    def masked(self, z: Tensor) -> Tensor:
        """Latents with pruned dimensions at the values they were frozen at."""
        return masked(z, self.state["active"], self.state["frozen"])

    def decode(self, z: Tensor) -> Tensor:
        """Designs at their own size, [designs, channels, height, width]."""
        parts = [
            self.model.decode(part, self.state, self.hyper, False)[0]
            for part in self.masked(z).split(CHUNK)
        ]
        return torch.cat(parts)

    def decode_unresized(self, z: Tensor) -> Tensor:
        """Designs at the decoder's own resolution: what a Lipschitz bound is about."""
        return self.model.decode_unresized(self.masked(z), self.state, self.hyper, False)[0]


@torch.no_grad()
def evaluate(
    config: LeastVolumeConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    labels: Tensor,
    stream: int,
) -> dict[str, float]:
    """All metrics but the times, of one trial on one split.

    Args:
        config: the trial's configuration.
        spec: shape and classes of the data.
        weights: stored tensors of the trial.
        features: [designs, channels, height, width] in [0, 1].
        labels: not needed.
        stream: key of the trial's random streams; arms of a seed share the directions in which the
            decoder's stretch is sought.

    Returns:
        Scores by metric name; `log_volume` only where a dimension is active,
        `lipschitz_bound_product` only with `spectral_norm: operator`, `first_prune_epoch` only
        where something was pruned.
    """
    trained = _restore(config, spec, weights)
    state, active = trained.state, trained.state["active"]
    z = trained.encode(features)
    squared = [
        (trained.decode(part) - x).double().square().flatten(1).mean(1)
        for part, x in zip(z.split(CHUNK), features.split(CHUNK), strict=True)
    ]
    error = float(torch.cat(squared).mean())
    scores = {
        "reconstruction_error": error,
        "log_reconstruction_error": math.log(max(error, SMALLEST_ERROR)),
        "active_dimensions": float(active.sum()),
        "active_share": float(active.mean()),
        "lipschitz_estimate": _stretch(trained, z, stream),
    }
    if active.any():
        eta = trained.hyper["objective.eta"].double()
        scores["log_volume"] = float(log_volume(deviations(z.double()), active, eta))
    if config.model.spectral_norm == "operator":
        norms = trained.model.layer_norms(state, trained.hyper)
        product = math.prod(float(norm) for norm in norms.values())
        # To the digits that single precision has: the rest would look like a spread over seeds.
        scores["lipschitz_bound_product"] = float(f"{product:.5g}")
    if state["first_prune"] >= 0:
        scores["first_prune_epoch"] = float(state["first_prune"])
    outcome = METHOD.outcome(state, {})
    scores |= {name: float(outcome == name) for name in FAILURES}
    return scores | {"failed": float(outcome in FAILURES)}


@torch.no_grad()
def pictures(
    config: LeastVolumeConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    stream: int,
) -> dict[str, NDArray[Any]]:
    """Arrays for figures; nothing is random.

    Returns:
        `reconstruction` [n, c, h, w]; `latent`: active dimensions, that of the largest deviation
        first, at least two columns where there are two dimensions; `deviations`: of what the
        encoder says, of pruned dimensions too, largest first, [latent]; `kept`: which of these are
        active, bool [latent].
    """
    trained = _restore(config, spec, weights)
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
def predict(
    config: LeastVolumeConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
) -> dict[str, NDArray[Any]]:
    """Active latents `latent_<dimension>`, and the reconstruction in [0, 1] as `pixel_<place>`."""
    trained = _restore(config, spec, weights)
    z = trained.encode(features)
    kept = trained.state["active"].nonzero().flatten().tolist()
    pixels = trained.decode(z).flatten(1)
    columns = {f"latent_{j}": z[:, j] for j in kept}
    columns |= {f"pixel_{place}": pixels[:, place] for place in range(pixels.shape[1])}
    return {name: column.cpu().numpy() for name, column in columns.items()}


def _restore(config: LeastVolumeConfig, spec: DataSpec, weights: Mapping[str, Tensor]) -> _Trained:
    """Model, state and hyperparameters of stored weights, where the weights are."""
    device = next(iter(weights.values())).device
    model = METHOD.build(config, spec, np.random.default_rng(0))
    model.load_state_dict({n: t for n, t in weights.items() if not n.startswith("state.")})
    model = model.to(device)
    state = {n.removeprefix("state."): t for n, t in weights.items() if n.startswith("state.")}
    hyper = {n: torch.tensor(v, device=device) for n, v in per_trial_values(config).items()}
    return _Trained(model, converged(model, state), hyper)


def _stretch(trained: _Trained, z: Tensor, stream: int) -> float:
    """How much the decoder stretches distances, in the directions that are not pruned."""
    places = torch.linspace(0, len(z) - 1, min(STRETCHED, len(z)), device=z.device).long()
    rng = generator(stream, "scores/lipschitz")
    return empirical_lipschitz(trained.decode_unresized, trained.masked(z[places]), rng)
