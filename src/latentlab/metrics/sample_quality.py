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
    gap = real.mean(0) - generated.mean(0)
    root = _root(_covariance(real))
    # Eigenvalues of the product of both, of a symmetric matrix that has the same ones.
    common = np.linalg.eigvalsh(root @ _covariance(generated) @ root)
    spread = real.var(0, ddof=1).sum() + generated.var(0, ddof=1).sum()
    return float(gap @ gap + spread - 2 * np.sqrt(common.clip(min=0)).sum())


def kernel_distance(real: Floats, generated: Floats) -> float:
    """Return the unbiased squared MMD with kernel (x y / features + 1)^3 (Binkowski et al. 2018).

    Args:
        real: features of real examples, [examples, features].
        generated: features of samples, [samples, features].
    """
    within = [
        (k.sum() - k.trace()) / (len(k) * (len(k) - 1))
        for k in (_kernel(real, real), _kernel(generated, generated))
    ]
    return float(sum(within) - 2 * _kernel(real, generated).mean())


def precision_recall(real: Floats, generated: Floats, neighbours: int = 3) -> PrecisionRecall:
    """Return shares by balls to the k-th neighbour (Kynkaanniemi et al. 2019).

    Args:
        real: features of real examples, [examples, features].
        generated: features of samples, [samples, features].
        neighbours: k; a ball reaches to the k-th nearest of its own set.
    """
    precise, recalled = (
        _inside(one, other, neighbours) for one, other in ((generated, real), (real, generated))
    )
    return PrecisionRecall(float(precise.mean()), ExampleMean(recalled.mean(), recalled))


def _covariance(features: Floats) -> Floats:
    return np.atleast_2d(np.cov(features, rowvar=False))


def _root(covariance: Floats) -> Floats:
    """Return the symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def _kernel(one: Floats, other: Floats) -> Floats:
    """Return the kernel of all pairs, [one, other]."""
    return (one @ other.T / one.shape[1] + 1) ** 3


def _inside(points: Floats, centres: Floats, neighbours: int) -> NDArray[np.bool_]:
    """Return which points lie in a ball of any centre, [points]."""
    from sklearn.metrics import pairwise_distances_chunked

    def radii(distances: Floats, _: int) -> Floats:
        # The nearest of all is the centre itself.
        return np.partition(distances, neighbours, axis=1)[:, neighbours]

    radius = np.concatenate(list(pairwise_distances_chunked(centres, reduce_func=radii)))
    inside = pairwise_distances_chunked(
        points, centres, reduce_func=lambda distances, _: (distances <= radius).any(1)
    )
    return np.concatenate(list(inside))
