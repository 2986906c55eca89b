"""Skewed differences: how they are seen, and a t test that does not lean on them.

A mean of few differences with a long tail above is mostly below the truth with a spread that is too
small, so that a one-sided t test finds "lower" too often, .12 of the time where .05 is asked; with
a long tail below, "higher". Flips of signs and signed ranks do the same, as they take differences
to be symmetric.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from latentlab.core.arrays import Array
from latentlab.statistics.rearranging import Alternative

FEWEST = 8
"""Fewest differences of which anything is said: fewer show no skewness, and with fewer `skewed_t_p`
errs in more than .06 at a skewness of 6."""

# What is feared beyond the skewness that is seen, which is too small in small samples: half as much
# again, and 7.5 / n. Chosen by simulation (docs/results/statistics.md).
_FACTOR, _ALLOWANCE = 1.5, 7.5


def skewness_of(differences: Array) -> tuple[float, float]:
    """Return how skewed differences are, and how often normal ones are as skewed.

    Args:
        differences: shape [n].

    Returns:
        The adjusted Fisher-Pearson skewness and the p-value of D'Agostino's test (1970) on both
        sides, which scores that are rounded do not disturb; NaN for fewer than `FEWEST`.

    Example:
        >>> skewness, p = skewness_of(np.array([1.0, 1.2, 0.9, 1.1, 1.0, 0.8, 1.0, 4.0]))
        >>> round(skewness, 2), p < 0.001
        (2.76, True)
    """
    if len(differences) < FEWEST:
        return math.nan, math.nan
    skewness = scipy.stats.skew(differences, bias=False)
    return float(skewness), float(scipy.stats.skewtest(differences).pvalue)


def skewed_t_p(differences: Array, alternative: Alternative) -> Array:
    """Return the one-sided p-value of a mean, allowing for more skewness than is seen.

    Hall's transformation (1992) frees t of the skewness of the differences. It takes that from the
    sample, where it is too small, and so errs too often; here it is given more, in the direction
    that the test would profit from. No p-value is smaller than that of the t test.

    Args:
        differences: shape [studies, n], n >= 3; none without a spread.
        alternative: the direction of the claim to be shown.

    Example:
        >>> skewed_t_p(np.array([[3.0, 5, 4, 6, 2, 5, 4, 7]]), "greater").round(4).tolist()
        [0.0106]
    """
    n = differences.shape[-1]
    # "Lower" is feared where the tail is above: the other direction is its mirror image.
    lower = differences if alternative == "less" else -differences
    size = np.mean(lower, axis=-1) / np.std(lower, axis=-1, ddof=1)
    skewness = _FACTOR * scipy.stats.skew(lower, axis=-1, bias=False) + _ALLOWANCE / n
    freed = size + skewness / 3 * size**2 + skewness**2 / 27 * size**3 + skewness / (6 * n)
    return np.asarray(scipy.stats.t.cdf(math.sqrt(n) * np.maximum(freed, size), n - 1))
