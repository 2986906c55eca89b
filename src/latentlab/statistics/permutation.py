"""Permutation tests between a column and the scores: of a rank trend, and between groups.

Under the null hypothesis every assignment of the scores to the rows is equally likely. Up to
eight rows all of them are visited, up to 500 a fixed number is drawn, and beyond that the limit
of the permutation distribution is used, which no longer differs.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from latentlab.core.arrays import Array, Codes

# 8! = 40,320 orders are all visited.
_MAX_ENUMERATED = 8
# From here on the limit of the null distribution is as good as draws from it.
LARGE = 500


@dataclass(frozen=True)
class PermutationTest:
    """A two-sided test.

    Attributes:
        p: NaN where nothing can be tested.
        attainable: the smallest p that these rows could have given, whatever the scores' order.
        method: `exact`, `permutation` (drawn), or the limit that was used.
    """

    p: float
    attainable: float
    method: str


UNTESTABLE = PermutationTest(math.nan, math.nan, "")


def rank_trend_test(x: Array, y: Array, resamples: int, seed: int) -> PermutationTest:
    """Test of Spearman's rho; twice the smaller tail.

    For many rows rho * sqrt(n - 1) is a standard normal deviate: mean 0 and variance 1 / (n - 1)
    are exact under permutation, with ties too, and the limit is Hoeffding's (1951).

    Args:
        x: shape [rows].
        y: shape [rows].
        resamples: rearrangements that are drawn where there are too many to visit.
        seed: of the draws.
    """
    n = len(x)
    if n < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return UNTESTABLE
    # Midranks are halves of whole numbers: doubled, sums are whole and ties are exact.
    ranks_x, ranks_y = _doubled_ranks(x), _doubled_ranks(y)
    if n > LARGE:
        rho = float(np.corrcoef(ranks_x, ranks_y)[0, 1])
        p = 2 * float(scipy.stats.norm.sf(abs(rho) * math.sqrt(n - 1)))
        return PermutationTest(p, 0.0, "normal limit")
    orders, counted = _orders(n, resamples, seed)
    null = ranks_y[orders] @ ranks_x
    observed = int(ranks_x @ ranks_y)
    ascending = np.sort(ranks_x)
    highest, lowest = ascending @ np.sort(ranks_y), ascending @ np.sort(ranks_y)[::-1]
    total = len(null) + counted
    above = (np.count_nonzero(null >= observed) + counted) / total
    below = (np.count_nonzero(null <= observed) + counted) / total
    rarest = min(np.count_nonzero(null >= highest), np.count_nonzero(null <= lowest)) + counted
    return PermutationTest(
        min(1.0, 2 * min(above, below)), min(1.0, 2 * rarest / total), _method(counted)
    )


def group_test(codes: Codes, y: Array, resamples: int, seed: int) -> PermutationTest:
    """Test that groups differ, with the statistic of Kruskal and Wallis (1952).

    With two groups it is the two-sided test of Mann and Whitney. Ranks keep one diverged score
    from deciding a test, as it would decide one of means.

    Args:
        codes: group of each row, shape [rows].
        y: shape [rows].
        resamples: rearrangements that are drawn where there are too many to visit.
        seed: of the draws.
    """
    groups, members = np.unique(codes, return_inverse=True)
    n = len(y)
    if len(groups) < 2 or n < 3 or np.ptp(y) == 0:
        return UNTESTABLE
    sizes = np.bincount(members)
    if n > LARGE:
        statistic = scipy.stats.kruskal(*(y[members == g] for g in range(len(groups))))
        return PermutationTest(float(statistic.pvalue), 0.0, "chi-square limit")
    ranks = _doubled_ranks(y).astype(np.float64)
    belongs = np.eye(len(groups))[members]
    orders, counted = _orders(n, resamples, seed)
    null = np.sum((ranks[orders] @ belongs) ** 2 / sizes, axis=1)
    observed = float(np.sum((ranks @ belongs) ** 2 / sizes))
    # The same statistic summed in another order differs by rounding.
    rounding = 1 - 1e-12
    total = len(null) + counted
    p = (np.count_nonzero(null >= observed * rounding) + counted) / total
    highest = max(float(null.max()), observed)
    rarest = np.count_nonzero(null >= highest * rounding) + counted
    return PermutationTest(float(p), float(rarest / total), _method(counted))


def _doubled_ranks(values: Array) -> npt.NDArray[np.int64]:
    return np.rint(2 * scipy.stats.rankdata(values)).astype(np.int64)


def _method(counted: int) -> str:
    return "permutation" if counted else "exact"


@functools.lru_cache(maxsize=8)
def _orders(n: int, resamples: int, seed: int) -> tuple[npt.NDArray[np.int16], int]:
    """Orders of `n` rows, [orders, n], and how often the observed order is counted besides.

    A drawn null counts the observed order among its draws (Phipson & Smyth 2010). The draws are
    shared by all tests on as many rows.
    """
    if n <= _MAX_ENUMERATED:
        orders = np.array(list(itertools.permutations(range(n))), dtype=np.int16)
        return orders, 0
    rng = np.random.default_rng([seed, n])
    rows = np.tile(np.arange(n, dtype=np.int16), (resamples, 1))
    return rng.permuted(rows, axis=1), 1
