"""One-sided tests that one arm's scores lie higher, or lower, than another's.

Every function works on a leading axis of independent studies, so that one call judges a study or
a simulation of twenty thousand.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy

from latentlab.core.arrays import Array
from latentlab.statistics.attainable import LocationTest
from latentlab.statistics.rearranging import Alternative, flips, regroupings
from latentlab.statistics.skewness import skewed_t_p

AnyLocationTest = LocationTest | Literal["skewed_t"]
"""The tests that may be declared, and the one that always stands beside paired ones."""

# Scores that differ by rounding alone have no spread to divide by.
ROUNDING = 1e-12
# The exact null of a rank test costs time that grows with the sample; scipy's own switch is 50.
_EXACT_RANKS = 50


def location_p(test: AnyLocationTest, x: Array, y: Array, alternative: Alternative) -> Array:
    """Return the one-sided p-value that `x` lies higher ("greater") or lower ("less") than `y`.

    * paired_t: Student's t on x - y. welch_t: t without pooling the variances.
    * sign_flip: the mean of x - y against every flip of signs, exact up to 16 pairs.
    * permutation: the difference of means against every regrouping, exact up to 65,536 of them.
    * wilcoxon: signed ranks, zeros split between the signs (Demsar 2006).
    * mann_whitney: ranks; a test of P(X > Y), not of means.
    * skewed_t: paired_t with an allowance for skewness, see `skewed_t_p`.

    With ties or zeros scipy's exact rank nulls do not hold; the rank tests then go over to the
    permutation null of the same statistic, which does. Numbers that differ by rounding alone are
    ties, and a difference that is rounding alone is zero: .68 - .69 + .01 is, and so the p-value
    does not depend on whether scores are shares or per cent.

    Args:
        test: which test.
        x: scores, shape [studies, n].
        y: scores, shape [studies, m]; for paired tests n = m and columns are the same seeds.
        alternative: the direction of the claim to be shown.

    Returns:
        Shape [studies]; NaN where the test is undefined (fewer than two scores, or a t test on
        scores without spread).

    Example:
        >>> x, y = np.array([[3.0, 5.0, 4.0]]), np.array([[1.0, 2.0, 3.0]])
        >>> location_p("sign_flip", x, y, "greater").tolist()
        [0.125]
    """
    if min(x.shape[-1], y.shape[-1]) < 2:
        return np.full(x.shape[:-1], np.nan)
    if test in ("paired_t", "skewed_t"):
        return _paired_t(test, x, y, alternative)
    if test == "welch_t":
        return _welch_t(x, y, alternative)
    rounding = ROUNDING * scale_of(x, y)
    if test == "wilcoxon":
        return _wilcoxon(x - y, rounding, alternative)
    if test == "mann_whitney":
        return _mann_whitney(x, y, rounding, alternative)
    rounding = gain_rounding(test, x, y)
    if test == "sign_flip":
        return flips(x.shape[-1]).p(x - y, rounding, alternative)
    return regroupings(x.shape[-1], y.shape[-1]).p(joined(x, -y), rounding, alternative)


def is_flat(x: Array, scale: Array) -> npt.NDArray[np.bool_]:
    """Say where `x`, [..., n], varies by no more than the rounding of numbers like `scale`.

    Example:
        >>> bool(is_flat(np.array([0.1 + 0.2, 0.3, 0.3]), np.array(0.3)))
        True
    """
    return np.asarray(np.std(x, axis=-1, ddof=1) <= ROUNDING * scale)


def scale_of(x: Array, y: Array) -> Array:
    """Return the largest magnitude in either arm, shape [...].

    Example:
        >>> float(scale_of(np.array([-3.0, 1.0]), np.array([2.0, 0.5])))
        3.0
    """
    return np.asarray(np.maximum(np.abs(x).max(axis=-1), np.abs(y).max(axis=-1)))


def gain_rounding(test: AnyLocationTest, x: Array, y: Array) -> Array:
    """Return what rounding may amount to in a sum that a rearrangement gains, shape [...]."""
    n, m = x.shape[-1], y.shape[-1]
    return ROUNDING * scale_of(x, y) * (n / 2 if test == "sign_flip" else n * m / (n + m))


def without_rounding(x: Array, rounding: Array) -> Array:
    """Make numbers equal that differ by rounding alone, and those 0 that are nothing else.

    Args:
        x: shape [..., n].
        rounding: what rounding may amount to, shape [...].

    Example:
        >>> without_rounding(np.array([0.72 - 0.71, -1e-17, 0.01]), np.array(1e-12)).tolist()
        [0.01, 0.0, 0.01]
    """
    order = np.argsort(x, axis=-1)
    rising = np.take_along_axis(x, order, axis=-1)
    limit = rounding[..., None]
    # Each number becomes the first of those from which only steps of rounding lead to it.
    steps = np.diff(rising, axis=-1, prepend=-np.inf) > limit
    first = np.maximum.accumulate(np.where(steps, np.arange(x.shape[-1]), 0), axis=-1)
    equal = np.empty_like(x)
    np.put_along_axis(equal, order, np.take_along_axis(rising, first, axis=-1), axis=-1)
    return np.where(np.abs(equal) <= limit, 0.0, equal)


def _paired_t(test: AnyLocationTest, x: Array, y: Array, alternative: Alternative) -> Array:
    differences = x - y
    undefined = is_flat(differences, scale_of(x, y))
    # A ramp stands in for the rows that have no spread; their p is overwritten below.
    filled = np.where(undefined[..., None], np.arange(x.shape[-1]), differences)
    if test == "skewed_t":
        return np.where(undefined, np.nan, skewed_t_p(filled, alternative))
    p = scipy.stats.ttest_1samp(filled, 0.0, axis=-1, alternative=alternative).pvalue
    return np.where(undefined, np.nan, p)


def _welch_t(x: Array, y: Array, alternative: Alternative) -> Array:
    scale = scale_of(x, y)
    undefined = is_flat(x, scale) & is_flat(y, scale)
    filled = np.where(undefined[..., None], np.arange(x.shape[-1]), x)
    with warnings.catch_warnings():
        # scipy warns of one arm without spread; Welch's test is sound as long as the other varies.
        warnings.simplefilter("ignore", RuntimeWarning)
        result = scipy.stats.ttest_ind(filled, y, axis=-1, equal_var=False, alternative=alternative)
    return np.where(undefined, np.nan, result.pvalue)


def _wilcoxon(differences: Array, rounding: Array, alternative: Alternative) -> Array:
    n = differences.shape[-1]
    magnitudes = without_rounding(np.abs(differences), rounding)
    differences = np.copysign(magnitudes, differences)
    ranked = np.sort(magnitudes, axis=-1)
    tied = np.any(ranked[..., 0] == 0) or np.any(np.diff(ranked, axis=-1) == 0)
    if tied and n <= _EXACT_RANKS:
        ranks = scipy.stats.rankdata(magnitudes, axis=-1) * np.sign(differences)
        return flips(n).p(ranks, np.zeros(len(ranks)), alternative)
    method: Any = "exact" if n <= _EXACT_RANKS else "asymptotic"
    result = scipy.stats.wilcoxon(
        differences, zero_method="zsplit", alternative=alternative, method=method, axis=-1
    )
    return np.asarray(result.pvalue, dtype=np.float64)


def _mann_whitney(x: Array, y: Array, rounding: Array, alternative: Alternative) -> Array:
    n, m = x.shape[-1], y.shape[-1]
    pooled = without_rounding(joined(x, y), rounding)
    tied = np.any(np.diff(np.sort(pooled, axis=-1), axis=-1) == 0)
    small = max(n, m) <= _EXACT_RANKS
    if tied and small:
        ranks = scipy.stats.rankdata(pooled, axis=-1)
        ranks[..., n:] *= -1
        return regroupings(n, m).p(ranks, np.zeros(len(ranks)), alternative)
    method: Any = "exact" if small else "asymptotic"
    result = scipy.stats.mannwhitneyu(
        pooled[..., :n], pooled[..., n:], alternative=alternative, method=method, axis=-1
    )
    return np.asarray(result.pvalue, dtype=np.float64)


def joined(x: Array, y: Array) -> Array:
    """Return two arms as one, the first arm first, shape [..., n + m]."""
    return np.concatenate([x, y], axis=-1)
