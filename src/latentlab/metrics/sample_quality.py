"""How samples of a model lie among real examples, by features that the caller declares.

Which features (pixels, or what a network makes of them) decides every number here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.metrics.example_mean import ExampleMean

Floats = NDArray[np.float64]


class PrecisionRecall(NamedTuple):
    """Shares of samples among real examples, and of real examples among samples."""

    precision: float
    recall: ExampleMean
    """With the values of the real examples."""


def frechet_distance(real: Floats, generated: Floats) -> float:
    """Return the squared Wasserstein-2 distance of Gaussians fitted to both (Heusel et al. 2017).

    Args:
        real: features of real examples, [examples, features].
        generated: features of samples, [samples, features].
    """
    raise NotImplementedError


def kernel_distance(real: Floats, generated: Floats) -> float:
    """Return the unbiased squared MMD with kernel (x y / features + 1)^3 (Binkowski et al. 2018).

    Args:
        real: features of real examples, [examples, features].
        generated: features of samples, [samples, features].
    """
    raise NotImplementedError


def precision_recall(real: Floats, generated: Floats, neighbours: int = 3) -> PrecisionRecall:
    """Return shares by balls to the k-th neighbour (Kynkaanniemi et al. 2019).

    Args:
        real: features of real examples, [examples, features].
        generated: features of samples, [samples, features].
        neighbours: k; a ball reaches to the k-th nearest of its own set.
    """
    raise NotImplementedError
