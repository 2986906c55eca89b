"""What a model makes of points of its latent space: traversals, interpolations, samples."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.experiment.examination.units import Units
from latentlab.metrics.latent_model import LatentVariableModel

STEPS = 9
"""Pictures of one walk."""
REACH = 3.0
"""A traversal goes from minus to plus so many of the prior's standard deviations."""
TRAVERSED = 8
INTERPOLATED = 4
SAMPLED = 3
"""Rows of samples, as long as a walk."""

Rows = dict[str, NDArray[np.float32]]
"""Pictures by the name of their row, each [9, channels, height, width]."""


@torch.no_grad()
def traversals(model: LatentVariableModel, units: Units, example: Tensor) -> Rows:
    """Move one unit at a time, the others at the posterior mean of an example.

    Args:
        model: whose latent space it is.
        units: of the model; the most telling come first, at most 8.
        example: [1, channels, height, width].
    """
    mean, _ = model.encode(example)
    order = np.argsort(-units.information)[:TRAVERSED]
    rows = {}
    for unit in order:
        z = mean.repeat(STEPS, 1)
        z[:, int(unit)] = torch.linspace(-REACH, REACH, STEPS)
        state = "" if units.on[unit] else " (off)"
        rows[f"unit {unit}{state}"] = _pictures(model, z)
    return rows


@torch.no_grad()
def interpolations(model: LatentVariableModel, examples: Tensor) -> Rows:
    """Walk between the posterior means of examples [n, channels, height, width] that lie apart."""
    # Neighbours may be alike, since a data set's order may carry meaning.
    apart = examples[:: max(1, len(examples) // (2 * INTERPOLATED))][: 2 * INTERPOLATED]
    mean, _ = model.encode(apart)
    share = torch.linspace(0, 1, STEPS)[:, None]
    return {
        f"pair {pair + 1}": _pictures(model, (1 - share) * begin + share * end)
        for pair, (begin, end) in enumerate(zip(mean, mean[INTERPOLATED:], strict=False))
    }


@torch.no_grad()
def samples(model: LatentVariableModel, latent: int, rng: np.random.Generator) -> Rows:
    """Decode draws from N(0, I)."""
    drawn = rng.standard_normal((SAMPLED, STEPS, latent), dtype=np.float32)
    return {
        f"samples {row + 1}": _pictures(model, torch.from_numpy(z)) for row, z in enumerate(drawn)
    }


def _pictures(model: LatentVariableModel, z: Tensor) -> NDArray[np.float32]:
    return model.decode(z).float().numpy()
