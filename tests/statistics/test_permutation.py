"""Permutation tests against brute force, scipy, and their own limits."""

import itertools

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics import permutation
from latentlab.statistics.association import spearman_within_blocks
from latentlab.statistics.permutation import group_test, rank_trend_test


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n", [4, 6, 8])
def test_exact_rank_trend_is_twice_the_smaller_tail(n, tied):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(2, n))
    if tied:
        x, y = np.round(x), np.round(y)
    tested = rank_trend_test(x, y, 99, 0)
    trend = spearman_within_blocks(x, y, np.arange(n))
    assert tested.method == "exact"
    assert tested.p == pytest.approx(min(1, 2 * min(trend.p_positive, trend.p_negative)))


def test_exact_rank_trend_is_scipys():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 6))
    scipys = scipy.stats.permutation_test(
        (x,),
        lambda x: scipy.stats.spearmanr(x, y).statistic,
        permutation_type="pairings",
        n_resamples=np.inf,
        vectorized=False,
    )
    assert rank_trend_test(x, y, 99, 0).p == pytest.approx(scipys.pvalue)


def test_five_rows_attain_two_of_120_orders():
    tested = rank_trend_test(np.arange(5.0), np.arange(5.0), 99, 0)
    assert tested.p == tested.attainable == pytest.approx(2 / 120)


def test_drawn_rank_trend_is_near_the_textbook_without_ties():
    rng = np.random.default_rng(5)
    x = rng.normal(size=60)
    y = 0.3 * x + rng.normal(size=60)
    tested = rank_trend_test(x, y, 9_999, 0)
    assert tested.method == "permutation"
    assert tested.p == pytest.approx(scipy.stats.spearmanr(x, y).pvalue, abs=0.004)
    assert tested == rank_trend_test(x, y, 9_999, 0)
    assert tested != rank_trend_test(x, y, 9_999, 1)


def test_limits_agree_with_draws(monkeypatch):
    rng = np.random.default_rng(6)
    n = 400
    x = np.round(rng.normal(size=n), 1)
    codes = rng.integers(0, 3, n)
    y = np.round(0.1 * x + 0.15 * codes + rng.normal(size=n), 1)
    drawn = rank_trend_test(x, y, 39_999, 0), group_test(codes, y, 39_999, 0)
    monkeypatch.setattr(permutation, "LARGE", n - 1)
    limit = rank_trend_test(x, y, 9_999, 0), group_test(codes, y, 9_999, 0)
    assert [one.method for one in drawn] == ["permutation", "permutation"]
    assert [one.method for one in limit] == ["normal limit", "chi-square limit"]
    for one, other in zip(limit, drawn, strict=True):
        assert 0.005 < other.p < 0.2
        assert one.p == pytest.approx(other.p, abs=0.004)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 2, 2), (1, 5)])
def test_exact_groups_by_brute_force(sizes):
    rng = np.random.default_rng(sum(sizes))
    y = np.round(rng.normal(size=sum(sizes)), 1)
    codes = np.repeat(np.arange(len(sizes)), sizes)

    ranks = scipy.stats.rankdata(y)
    null = np.array(
        [
            sum(
                size * (np.mean(order, where=codes == g) - ranks.mean()) ** 2
                for g, size in enumerate(sizes)
            )
            for order in itertools.permutations(ranks)
        ]
    )
    p = np.mean(null >= null[0] - 1e-9)
    tested = group_test(codes, y, 99, 0)
    assert tested.p == pytest.approx(p)
    assert tested.attainable == pytest.approx(np.mean(null >= null.max() - 1e-9))


def test_two_groups_are_mann_and_whitneys_test():
    rng = np.random.default_rng(9)
    y = rng.normal(size=24)
    codes = np.repeat([0, 1], [9, 15])
    y[:9] += 0.8
    exact = scipy.stats.mannwhitneyu(y[:9], y[9:], method="exact").pvalue
    assert group_test(codes, y, 9_999, 0).p == pytest.approx(exact, abs=0.006)


@pytest.mark.parametrize(
    ("x", "y"), [([1.0, 1, 1, 1], [1.0, 2, 3, 4]), ([1.0, 2, 3], [5.0, 5, 5]), ([1.0, 2], [1.0, 2])]
)
def test_nothing_to_test(x, y):
    assert np.isnan(rank_trend_test(np.array(x), np.array(y), 99, 0).p)
    assert np.isnan(group_test(np.array(x, dtype=int), np.array(y), 99, 0).p) or np.ptp(x) > 0
