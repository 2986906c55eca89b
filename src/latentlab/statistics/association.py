"""Permutation tests of rank trends: across ordered arms, and between two columns of trials."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from latentlab.core.arrays import Array
from latentlab.statistics.attainable import RESAMPLES
from latentlab.statistics.intervals import spearman_error

# 7! = 5,040 orders per seed are enumerated; more arms are sampled.
_MAX_ENUMERATED_ARMS = 7
# As many orders as nine trials have.
_MAX_ENUMERATED = math.factorial(9)


@dataclass(frozen=True)
class Trend:
    """A rank trend and its one-sided permutation p-values.

    Args:
        estimate: rank correlation in [-1, 1].
        p_positive: p-value that the trend rises.
        p_negative: p-value that the trend falls.
        attainable: smallest one-sided p that the design allows.
    """

    estimate: float
    p_positive: float
    p_negative: float
    attainable: float


def seed_correlations(scores: Array) -> Array:
    """Return Spearman's rho between the order of the arms and their scores, by seed.

    Args:
        scores: shape [seeds, arms], arms in their stated order.

    Returns:
        Shape [seeds]; 0 for a seed whose scores are all equal, since they show no trend.

    Example:
        >>> scores = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
        >>> seed_correlations(scores).round(9).tolist()
        [1.0, -1.0, 0.0]
    """
    ranks = scipy.stats.rankdata(scores, axis=1)
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    order = np.arange(scores.shape[1]) - (scores.shape[1] - 1) / 2
    norms = np.linalg.norm(ranks, axis=1) * np.linalg.norm(order)
    return np.asarray(np.divide(ranks @ order, norms, out=np.zeros(len(ranks)), where=norms > 0))


def monotone_trend(scores: Array) -> Trend:
    """Test with Page's L that scores rise with the order of the arms, seeds being blocks.

    The statistic is Page's L (Page 1963), the sum over seeds of order times rank. Under the null
    hypothesis each seed's scores are exchangeable between arms, so L is a sum of independent
    seeds: its distribution is the convolution of theirs. `scipy.stats.page_trend_test` has the
    same p without ties (a test compares them), but its exact null does not hold with ties, which
    counts of active units are full of.

    Args:
        scores: shape [seeds, arms], at least one seed and two arms.

    Returns:
        The trend; its estimate is the mean of the seeds' Spearman correlations.

    Example:
        >>> trend = monotone_trend(np.array([[1.0, 2.0, 3.0], [0.0, 5.0, 6.0]]))
        >>> round(trend.estimate, 9), round(trend.p_positive, 4)
        (1.0, 0.0278)
    """
    seeds, arms = scores.shape
    # Midranks are halves of whole numbers: doubled, L is a whole number and ties are exact.
    ranks = np.rint(2 * scipy.stats.rankdata(scores, axis=1)).astype(np.int64)
    order = np.arange(1, arms + 1)
    observed = int(np.sum(ranks @ order))
    if arms <= _MAX_ENUMERATED_ARMS:
        p_positive, p_negative = _page_exact(ranks, observed)
        attainable = math.factorial(arms) ** -float(seeds)
    else:
        rng = np.random.default_rng(0)
        drawn = np.array([np.sum(rng.permuted(ranks, axis=1) @ order) for _ in range(RESAMPLES)])
        p_positive = (1 + np.count_nonzero(drawn >= observed)) / (RESAMPLES + 1)
        p_negative = (1 + np.count_nonzero(drawn <= observed)) / (RESAMPLES + 1)
        attainable = 1 / (RESAMPLES + 1)
    estimate = float(np.mean(seed_correlations(scores)))
    return Trend(estimate, float(p_positive), float(p_negative), attainable)


def _page_exact(ranks: npt.NDArray[np.int64], observed: int) -> tuple[float, float]:
    arms = ranks.shape[1]
    orders = np.array(list(itertools.permutations(range(1, arms + 1))))
    distribution = np.ones(1)
    for row in ranks:
        counts = np.bincount(orders @ row)
        distribution = np.convolve(distribution, counts / counts.sum())
    return min(1.0, distribution[observed:].sum()), min(1.0, distribution[: observed + 1].sum())


def spearman_within_blocks(x: Array, y: Array, blocks: npt.NDArray[np.int64]) -> Trend:
    """Test Spearman's rho over trials, by permutation within seeds.

    `y` is rearranged only among trials of the same seed: what a seed does to both columns (an
    easy split, a lucky start) stays in place and cannot pass for an association. Where every
    trial has its own seed there is nothing to keep together, and all trials are rearranged.

    Up to 9! arrangements are enumerated, which is exact whatever the ties; of more 9,999 are
    drawn.

    The p-value speaks about retraining these configurations. Configurations that share a cause
    are not made independent by repeating them over seeds.

    Args:
        x: shape [trials].
        y: shape [trials].
        blocks: seed of each trial, shape [trials].

    Returns:
        The trend; NaN throughout where a column is constant.

    Example:
        >>> x = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
        >>> trend = spearman_within_blocks(x, x**2, np.array([0, 0, 0, 1, 1, 1]))
        >>> round(trend.estimate, 9), round(trend.p_positive, 4)
        (1.0, 0.0278)
    """
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Trend(math.nan, math.nan, math.nan, 1.0)
    groups = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    if all(len(group) == 1 for group in groups):
        groups = [np.arange(len(x))]
    count = math.prod(math.factorial(len(group)) for group in groups)
    ranks_x = np.rint(2 * scipy.stats.rankdata(x)).astype(np.int64)
    ranks_y = np.rint(2 * scipy.stats.rankdata(y)).astype(np.int64)
    observed = int(ranks_x @ ranks_y)
    if count <= _MAX_ENUMERATED:
        null = _block_null_exact(ranks_x, ranks_y, groups)
        counted = 0
    else:
        null = _block_null_sampled(ranks_x, ranks_y, groups)
        # The observed arrangement is one of the draws (Phipson & Smyth 2010).
        counted = 1
    total = len(null) + counted
    return Trend(
        float(np.corrcoef(ranks_x, ranks_y)[0, 1]),
        float((np.count_nonzero(null >= observed) + counted) / total),
        float((np.count_nonzero(null <= observed) + counted) / total),
        1 / total,
    )


def _block_null_exact(
    ranks_x: npt.NDArray[np.int64],
    ranks_y: npt.NDArray[np.int64],
    groups: list[npt.NDArray[np.intp]],
) -> npt.NDArray[np.int64]:
    sums = np.zeros(1, dtype=np.int64)
    for group in groups:
        orders = np.array(list(itertools.permutations(range(len(group)))))
        within = ranks_y[group][orders] @ ranks_x[group]
        sums = np.add.outer(sums, within).ravel()
    return sums


def _block_null_sampled(
    ranks_x: npt.NDArray[np.int64],
    ranks_y: npt.NDArray[np.int64],
    groups: list[npt.NDArray[np.intp]],
) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(0)
    sums = np.zeros(RESAMPLES, dtype=np.int64)
    for group in groups:
        drawn = rng.permuted(np.tile(ranks_y[group], (RESAMPLES, 1)), axis=1)
        sums += drawn @ ranks_x[group]
    return sums


def equivalence_to_zero_across_seeds(correlations: Array, rope: float) -> float:
    """Return the p-value that the mean correlation lies within (-rope, rope), by t tests.

    Args:
        correlations: shape [seeds].
        rope: half-width of the region of practical equivalence, in (0, 1).

    Returns:
        The larger of the two one-sided p-values; NaN where the seeds do not differ.

    Example:
        >>> round(equivalence_to_zero_across_seeds(np.array([0.1, -0.1, 0.05, -0.05]), 0.5), 4)
        0.0008
    """
    if len(correlations) < 2 or np.ptp(correlations) < 1e-12:
        return math.nan
    above = scipy.stats.ttest_1samp(correlations, -rope, alternative="greater").pvalue
    below = scipy.stats.ttest_1samp(correlations, rope, alternative="less").pvalue
    return float(max(above, below))


def equivalence_to_zero(rho: float, n: int, rope: float) -> float:
    """Return the p-value that a rank correlation lies within (-rope, rope), by Fisher's z.

    Args:
        rho: Spearman's rho over `n` trials.
        n: number of trials.
        rope: half-width of the region of practical equivalence, in (0, 1).

    Returns:
        The larger of the two one-sided p-values; NaN for fewer than four trials.

    Example:
        >>> round(equivalence_to_zero(0.1, 50, 0.4), 3)
        0.016
    """
    if n < 4 or not abs(rho) < 1:
        return math.nan
    distance = math.atanh(rope) - abs(math.atanh(rho))
    return float(scipy.stats.norm.sf(distance / spearman_error(rope, n)))
