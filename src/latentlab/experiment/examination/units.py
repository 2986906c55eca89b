"""Which units of one model are on, and how many the data call for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.metrics.latent import ACTIVE_VARIANCE, graded_active_units, unit_information, unit_kl
from latentlab.metrics.latent_model import LatentVariableModel

CHUNK = 2048
ENOUGH = 0.5
"""A model is collapsed where fewer than this share of the units that the data call for are on."""


@dataclass(frozen=True)
class Units:
    """The units of one model.

    Attributes:
        kl: KL(q(z_j|x) || N(0, 1)) averaged over examples, nats, [latent].
        variance: Var_x[E[z_j|x]], [latent].
        information: what it says of x, nats, [latent].
    """

    kl: NDArray[np.float64]
    variance: NDArray[np.float64]
    information: NDArray[np.float64]

    @property
    def on(self) -> NDArray[np.bool_]:
        """Which are on, by Burda et al. 2016, [latent]."""
        return self.variance > ACTIVE_VARIANCE

    @property
    def graded(self) -> float:
        """How many are on, each counted by degree."""
        return graded_active_units(torch.from_numpy(self.variance))


@torch.no_grad()
def units_of(model: LatentVariableModel, features: Tensor) -> Units:
    """Measure a model on examples [examples, channels, height, width]."""
    parts = [model.encode(part) for part in features.split(CHUNK)]
    mean, log_variance = (torch.cat([part[i] for part in parts]).double().cpu() for i in range(2))
    return Units(
        unit_kl(mean, log_variance).numpy(),
        mean.var(dim=0).numpy(),
        unit_information(mean, log_variance).numpy(),
    )


def effective_dimensions(features: Tensor) -> float:
    """Return in how many directions examples [examples, ...] vary: (sum l)^2 / sum l^2.

    The participation ratio of the principal components' variances l: k where k directions vary
    alike and the others not at all.
    """
    x = features.flatten(1).double()
    x = x - x.mean(dim=0)
    # Their squares sum to those of the Gram matrix of the shorter side.
    gram = x @ x.T if len(x) < x.shape[1] else x.T @ x
    return float(gram.diagonal().sum().square() / gram.square().sum())


def expected_units(latent: int, dimensions: float) -> float:
    """Return the units that the data call for: not more than there are."""
    return min(float(latent), dimensions)
