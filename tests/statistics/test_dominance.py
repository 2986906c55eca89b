"""Probability of superiority, held to scipy, to enumeration and to Noether's published numbers."""

import itertools

import numpy as np
import pytest
import scipy

from latentlab.statistics.dominance import (
    detectable_by_pairs,
    detectable_by_samples,
    of_pairs,
    of_samples,
    probability_interval,
    seeds_for_all_won,
    seeds_for_pairs,
    seeds_for_samples,
    sign_power,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("threshold", [0.5, 0.75])
def test_pairs_are_scipys_binomial_test_and_interval(threshold):
    x, y = RNG.normal(0.8, 1, 14), RNG.normal(0, 1, 14)
    wins = int((x > y).sum())
    found = of_pairs(x, y)
    for alternative in ("greater", "less"):
        expected = scipy.stats.binomtest(wins, 14, threshold, alternative=alternative)
        assert float(found.p(threshold, alternative)) == pytest.approx(expected.pvalue)
    interval = scipy.stats.binomtest(wins, 14).proportion_ci(0.9, method="exact")
    assert probability_interval(found.p, 0.9) == pytest.approx(tuple(interval))


def test_mid_p_halves_the_observed_count():
    x, y = np.array([1.0, 2.0, 3.0, -1.0, 4.0]), np.zeros(5)
    exact, mid = (of_pairs(x, y, mid_p=m).p(0.6, "greater") for m in (False, True))
    assert float(exact - mid) == pytest.approx(scipy.stats.binom.pmf(4, 5, 0.6) / 2)


def test_ties_never_let_a_false_claim_through():
    """Enumerated over all outcomes of six pairs, for chances of win and tie with A = .5 and .7."""
    outcomes = np.array(list(itertools.product([1.0, 0.0, -1.0], repeat=6)))
    for threshold in (0.5, 0.7):
        p = of_pairs(outcomes, np.zeros(6)).p(threshold, "greater")
        for tie in (0.0, 0.2, 0.5):
            win = threshold - tie / 2
            chance = np.prod(np.select([outcomes > 0, outcomes == 0], [win, tie], 1 - win - tie), 1)
            assert chance.sum() == pytest.approx(1)
            for alpha in (0.02, 0.05, 0.2):
                assert chance[p <= alpha].sum() <= alpha


def test_rounding_is_a_tie():
    assert float(of_pairs(np.array([0.1 + 0.2, 0.5]), np.array([0.3, 0.4])).probability) == 0.75


@pytest.mark.parametrize("ties", [False, True])
def test_samples_are_scipys_brunner_munzel(ties):
    x, y = RNG.normal(0.7, 1, (20, 9)), RNG.normal(0, 2, (20, 12))
    if ties:
        x, y = np.round(x), np.round(y)
    found = of_samples(x, y)
    # scipy's statistic is positive where the second sample is higher; its p has other freedom.
    expected = -scipy.stats.brunnermunzel(x, y, axis=1).statistic
    for sign, alternative in ((1, "greater"), (-1, "less")):
        p = scipy.stats.t.sf(sign * expected, 8)
        assert found.p(0.5, alternative) == pytest.approx(np.maximum(p, 0.5**9))
    u = scipy.stats.mannwhitneyu(x, y, axis=1).statistic
    assert found.probability == pytest.approx(u / (9 * 12))


def test_arms_that_do_not_overlap_are_held_to_the_bound_of_pairs():
    found = of_samples(np.arange(5.0) + 10, np.arange(7.0))
    assert float(found.p(0.5, "greater")) == 0.5**5
    assert float(found.p(0.5, "less")) == 1
    low, high = probability_interval(found.p, 0.9)
    assert (low, high) == pytest.approx((0.05 ** (1 / 5), 1.0))


def test_interval_and_test_agree_for_samples():
    for k in range(20):
        x, y = RNG.normal(0.1 * k, 1, 8), RNG.normal(0, 1, 8)
        found = of_samples(x, y)
        low, high = probability_interval(found.p, 0.9)
        assert low <= float(found.probability) <= high
        assert (low > 0.6) == (float(found.p(0.6, "greater")) < 0.05)


def test_noethers_seeds():
    # 29 for A = .75 with both errors .05, as Bouthillier et al. (2021) print it.
    assert seeds_for_samples(0.25, 0.05, target=0.95) == 29
    assert seeds_for_samples(0.0, 0.05) is None
    assert detectable_by_samples(29, 0.05, target=0.95) <= 0.25
    assert [seeds_for_all_won(0.5, level) for level in (0.05, 1 / 32, 0.03)] == [5, 5, 6]


def test_the_plan_says_what_simulation_finds():
    needed = seeds_for_pairs(0.5, 0.75, 0.05)
    wins = (RNG.random((20_000, needed)) < 0.75).astype(float)
    power = np.mean(of_pairs(wins, np.full(wins.shape, 0.5)).p(0.5, "greater") <= 0.05)
    assert power == pytest.approx(float(sign_power(np.array(needed), 0.5, 0.75, 0.05)), abs=0.01)
    assert power >= 0.79
    assert float(
        sign_power(np.array(needed), 0.5, detectable_by_pairs(needed, 0.5, 0.05), 0.05)
    ) == (pytest.approx(0.8))
    assert np.isnan(detectable_by_pairs(4, 0.5, 0.05))
    assert seeds_for_pairs(0.5, 0.5, 0.05) is None
    needed = seeds_for_samples(0.25, 0.05)
    shift = np.sqrt(2) * scipy.stats.norm.ppf(0.75)
    x, y = RNG.normal(shift, 1, (4000, needed)), RNG.normal(0, 1, (4000, needed))
    assert np.mean(of_samples(x, y).p(0.5, "greater") <= 0.05) == pytest.approx(0.8, abs=0.05)
