"""The best of several: how good it is expected to be, from a sample or from a normal."""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
import scipy

from latentlab.core.arrays import Array


def expected_best(scores: Array) -> Array:
    """Mean of the best of k scores drawn without replacement, for k = 1 .. n.

    The k smallest ranks cannot be the best of k: rank i (from 1) is the best of k in
    C(i - 1, k - 1) of C(n, k) draws. Unlike drawing with replacement (Dodge et al. 2019) this is
    unbiased; it ends at k = n, where the sample says no more.

    Args:
        scores: larger is better, shape [n].

    Returns:
        Shape [n].
    """
    ascending = np.sort(scores)
    n = len(scores)
    weights = np.full(n, 1 / n) if n else np.empty(0)
    means = np.empty(n)
    before = np.arange(n)
    for k in range(1, n + 1):
        means[k - 1] = weights @ ascending
        if k < n:
            weights = weights * np.maximum(before - k + 1, 0) / k * (k + 1) / (n - k)
    return means


def expected_best_of(scores: Array, k: int) -> float:
    """Mean of the best of `k` scores drawn without replacement, `k` from 1 to n."""
    ascending = np.sort(scores)
    ranks = np.arange(k, len(scores) + 1)
    log_weights = log_binomial(ranks - 1, k - 1) - log_binomial(np.array([len(scores)]), k)
    return float(np.exp(log_weights) @ ascending[k - 1 :])


def log_binomial(n: npt.NDArray[np.int64], k: int) -> Array:
    """Logarithm of C(n, k), n at least k, shape of `n`."""
    log_factorial = scipy.special.gammaln
    return np.asarray(log_factorial(n + 1) - log_factorial(k + 1) - log_factorial(n - k + 1))


@functools.cache
def expected_highest_normal(k: int) -> float:
    """Mean of the highest of `k` independent standard normal deviates; 0 for k = 1."""
    if k < 2:
        return 0.0

    def density(x: float) -> float:
        normal = -(x**2 + math.log(2 * math.pi)) / 2
        return x * math.exp(math.log(k) + normal + (k - 1) * scipy.special.log_ndtr(x))

    return float(scipy.integrate.quad(density, -10, 10, limit=200)[0])
