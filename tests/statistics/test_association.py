"""Permutation tests of trends against scipy and against enumeration by brute force."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics.association import (
    equivalence_to_zero,
    equivalence_to_zero_across_seeds,
    monotone_trend,
    seed_correlations,
    spearman_within_blocks,
)
from latentlab.statistics.power import detectable_trend, fewest, trend_power


@pytest.mark.parametrize("shape", [(3, 4), (6, 3), (5, 5)])
def test_page_equals_scipy_without_ties(shape):
    scores = np.random.default_rng(0).normal(size=shape) + 0.3 * np.arange(shape[1])
    rising = scipy.stats.page_trend_test(scores, method="exact").pvalue
    falling = scipy.stats.page_trend_test(scores[:, ::-1], method="exact").pvalue
    trend = monotone_trend(scores)
    assert trend.p_positive == pytest.approx(rising)
    assert trend.p_negative == pytest.approx(falling)
    assert trend.attainable == math.factorial(shape[1]) ** -float(shape[0])


def test_page_with_ties_equals_brute_force():
    scores = np.array([[1.0, 1, 2], [0.0, 3, 3], [1.0, 2, 5]])
    ranks = scipy.stats.rankdata(scores, axis=1)
    observed = (ranks @ [1, 2, 3]).sum()
    rows = [list(itertools.permutations(row)) for row in ranks]
    null = np.array([sum(np.dot(r, [1, 2, 3]) for r in rs) for rs in itertools.product(*rows)])
    trend = monotone_trend(scores)
    assert trend.p_positive == pytest.approx(np.mean(null >= observed))
    assert trend.p_negative == pytest.approx(np.mean(null <= observed))


def test_many_arms_are_sampled_close_to_the_exact_null():
    scores = np.random.default_rng(5).normal(size=(4, 8)) + 0.2 * np.arange(8)
    exact = scipy.stats.page_trend_test(scores, method="exact").pvalue
    assert monotone_trend(scores).p_positive == pytest.approx(exact, abs=0.005)


@pytest.mark.parametrize(
    ("means", "noise", "level"),
    [
        ((0.0, 0.3, 0.6, 0.9), 1.0, 0.05),
        # An order that is the same in nearly every seed, and hardly rises.
        ((0.0, 3.0, 2.0, 1.0), 0.7, 0.05),
        ((0.0, 0.2, 0.4), 0.8, 0.0125),
    ],
)
def test_the_seeds_planned_for_page_reach_its_power(means, noise, level):
    """Planned from the correlations' mean and spread, held against the test itself."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return np.array(means) + noise * rng.normal(size=(*shape, len(means)))

    correlations = seed_correlations(draw(20_000))
    mean, spread = correlations.mean(), correlations.std()
    seeds = fewest(lambda n: trend_power(mean, spread, n, len(means), level))
    shown = [monotone_trend(draw(seeds)).p_positive <= level for _ in range(1_000)]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.06)
    assert detectable_trend(spread, seeds, len(means), level) == pytest.approx(mean, rel=0.1)


def test_seed_correlations_are_spearmans():
    scores = np.array([[1.0, 5, 3, 3], [2.0, 2, 2, 2]])
    expected = scipy.stats.spearmanr([0, 1, 2, 3], scores[0]).statistic
    np.testing.assert_allclose(seed_correlations(scores), [expected, 0.0])


def test_spearman_estimate_and_free_permutation_where_each_trial_has_its_seed():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=7), rng.normal(size=7)
    trend = spearman_within_blocks(x, y, np.arange(7))
    rho = scipy.stats.spearmanr(x, y).statistic
    null = [scipy.stats.spearmanr(x, y[list(o)]).statistic for o in _orders(7, 1_000)]
    assert trend.estimate == pytest.approx(rho)
    assert trend.p_positive == pytest.approx(np.mean(np.array(null) >= rho - 1e-12), abs=0.05)
    assert trend.attainable == 1 / math.factorial(7)


def _orders(n, count):
    rng = np.random.default_rng(1)
    return [rng.permutation(n) for _ in range(count)]


@pytest.mark.parametrize(
    ("n", "level", "critical"), [(9, 0.05, 0.600), (9, 0.005, 0.833), (8, 0.05, 0.643)]
)
def test_nine_trials_are_exact_as_published_tables_are(n, level, critical):
    """Critical values of Zar (1972): the smallest rho that is significant on one side."""
    rng, x = np.random.default_rng(0), np.arange(n)
    # Squared differences of ranks of the critical order, and of the next below it.
    squares = round((1 - critical) * n * (n**2 - 1) / 6)
    squares -= squares % 2
    for wanted, significant in ((squares, True), (squares + 2, False)):
        orders = (rng.permutation(n) for _ in itertools.count())
        y = next(y for y in orders if np.sum((x - y) ** 2) == wanted)
        trend = spearman_within_blocks(x.astype(float), y.astype(float), x)
        assert (trend.p_positive <= level) == significant
        assert trend.attainable == 1 / math.factorial(n)


def test_within_blocks_equals_brute_force():
    blocks = np.array([0, 0, 0, 1, 1, 1])
    x = np.array([1.0, 2, 3, 2, 5, 4])
    y = np.array([2.0, 2, 9, 1, 7, 3])
    rx, ry = scipy.stats.rankdata(x), scipy.stats.rankdata(y)
    null = np.array(
        [
            rx @ np.concatenate([a, b])
            for a in itertools.permutations(ry[:3])
            for b in itertools.permutations(ry[3:])
        ]
    )
    trend = spearman_within_blocks(x, y, blocks)
    assert trend.p_positive == pytest.approx(np.mean(null >= rx @ ry))
    assert trend.p_negative == pytest.approx(np.mean(null <= rx @ ry))


def test_what_a_seed_does_to_both_columns_is_no_association():
    rng = np.random.default_rng(4)
    blocks = np.repeat(np.arange(8), 5)
    seed_effect = 5 * rng.normal(size=8)[blocks]
    x, y = seed_effect + rng.normal(size=40), seed_effect + rng.normal(size=40)
    assert scipy.stats.spearmanr(x, y).pvalue < 1e-6
    assert spearman_within_blocks(x, y, blocks).p_positive > 0.05


def test_a_real_association_within_seeds_is_found():
    rng = np.random.default_rng(4)
    blocks = np.repeat(np.arange(8), 5)
    x = rng.normal(size=40)
    trend = spearman_within_blocks(x, x + 0.5 * rng.normal(size=40), blocks)
    assert trend.p_positive == trend.attainable == 1e-4
    assert trend.p_negative > 0.99


def test_a_constant_column_has_no_association():
    trend = spearman_within_blocks(np.ones(5), np.arange(5.0), np.arange(5))
    assert math.isnan(trend.p_positive)
    assert trend.attainable == 1


def test_equivalence_to_zero():
    # At the edge of the rope the chance to find oneself inside is one half.
    assert equivalence_to_zero(0.2, 50, 0.2) == pytest.approx(0.5)
    assert equivalence_to_zero(0.0, 2_000, 0.1) < 0.001
    assert equivalence_to_zero(0.5, 2_000, 0.1) > 0.999
    assert math.isnan(equivalence_to_zero(0.1, 3, 0.2))
    flat = np.array([0.05, -0.05, 0.02, -0.03, 0.01])
    t = scipy.stats.ttest_1samp(flat, 0.2, alternative="less").pvalue
    assert equivalence_to_zero_across_seeds(flat, 0.2) == pytest.approx(t)
    assert math.isnan(equivalence_to_zero_across_seeds(np.full(4, 0.1), 0.2))
