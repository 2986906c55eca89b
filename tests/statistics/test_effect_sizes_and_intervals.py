"""Effect sizes and intervals against definitions, scipy and printed examples."""

import math

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics import effect_sizes, intervals

SLEEP_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


def test_students_sleep_intervals_as_r_prints_them():
    assert intervals.mean_interval(SLEEP_1 - SLEEP_2, 0.95) == pytest.approx(
        (-2.4598858, -0.7001142), abs=5e-8
    )
    assert intervals.welch_interval(SLEEP_1, SLEEP_2, 0.95) == pytest.approx(
        (-3.3654832, 0.2054832), abs=5e-8
    )


def test_d_z_is_t_over_root_n():
    t = scipy.stats.ttest_rel(SLEEP_2, SLEEP_1).statistic
    assert effect_sizes.d_z(SLEEP_2 - SLEEP_1) == pytest.approx(t / math.sqrt(10))


def test_hedges_g_removes_the_bias_of_cohens_d():
    rng = np.random.default_rng(0)
    pairs = zip(rng.normal(1, 1, (4_000, 4)), rng.normal(0, 1, (4_000, 4)), strict=True)
    g = [effect_sizes.hedges_g(a, b) for a, b in pairs]
    # Cohen's d would average 1.15 here, the approximate correction .9995 times g.
    assert np.mean(g) == pytest.approx(1.0, abs=0.04)


def test_hedges_g_exact_factor():
    # With 4 degrees of freedom: gamma(2) / (sqrt(2) gamma(1.5)) = .797885.
    a, b = np.array([1.0, 2, 3]), np.array([0.0, 1, 2])
    assert effect_sizes.hedges_g(a, b) == pytest.approx(math.sqrt(2 / math.pi))


def test_no_spread_no_standardised_effect():
    assert math.isnan(effect_sizes.d_z(np.ones(4)))


def test_flat_arms_have_an_interval_of_no_width():
    assert intervals.welch_interval(np.full(3, 2.0), np.ones(3), 0.9) == (1.0, 1.0)


def test_spearman_interval_covers():
    rng = np.random.default_rng(2)
    draws = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], (2_000, 30))
    truth = 6 / math.pi * math.asin(0.25)
    ranks = scipy.stats.rankdata(draws, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    cross = (centred[..., 0] * centred[..., 1]).sum(axis=1)
    rho = cross / (centred[..., 0] ** 2).sum(axis=1)
    ends = [intervals.spearman_interval(r, 30, 0.95) for r in rho]
    covered = np.mean([low <= truth <= high for low, high in ends])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_spearman_interval_needs_four_pairs_and_an_open_scale():
    assert math.isnan(intervals.spearman_interval(0.5, 3, 0.95)[0])
    assert math.isnan(intervals.spearman_interval(1.0, 9, 0.95)[0])


def test_one_value_has_a_mean_and_no_interval():
    assert all(math.isnan(end) for end in intervals.mean_interval(np.ones(1), 0.95))
    assert all(math.isnan(end) for end in intervals.welch_interval(np.ones(1), np.ones(3), 0.95))


def fieller(numerator, denominator, level):
    """The interval in closed form, paired (Fieller 1954): the roots of a quadratic."""
    n = len(numerator)
    t = scipy.stats.t.ppf((1 + level) / 2, n - 1) ** 2 / n
    (vn, cov), (_, vd) = np.cov(numerator, denominator)
    a, b = denominator.mean() ** 2 - t * vd, numerator.mean() * denominator.mean() - t * cov
    root = math.sqrt(b**2 - a * (numerator.mean() ** 2 - t * vn))
    return (b - root) / a, (b + root) / a


def paired_ratio(numerator, denominator, level):
    return intervals.ratio_interval(
        lambda rho: intervals.mean_interval(numerator - rho * denominator, level),
        numerator.mean() / denominator.mean(),
    )


def test_a_ratios_interval_is_fiellers():
    rng = np.random.default_rng(5)
    for scale in (1e-6, 1.0, 1e6):
        numerator, denominator = scale * rng.normal(-1, 2, 8), rng.normal(9, 3, 8)
        found = paired_ratio(numerator, denominator, 0.9)
        assert found == pytest.approx(fieller(numerator, denominator, 0.9), rel=1e-8)


def test_a_ratios_interval_of_independent_arms_holds_what_welchs_test_does_not_reject():
    rng = np.random.default_rng(6)
    x, y = rng.normal(5, 1, 7), rng.normal(4, 2, 6)
    ends = intervals.ratio_interval(
        lambda rho: intervals.welch_interval(x, rho * y, 0.95), x.mean() / y.mean()
    )
    for end in ends:
        assert scipy.stats.ttest_ind(x, end * y, equal_var=False).pvalue == pytest.approx(0.05)


def test_ratios_without_spread_or_with_a_denominator_about_zero():
    assert paired_ratio(np.full(4, 1.0), np.full(4, 4.0), 0.9) == (0.25, 0.25)
    about_zero = np.array([-3.0, 4.0, -2.0, 2.0])
    assert np.isnan(paired_ratio(np.array([1.0, 2.0, 1.5, 0.5]), about_zero, 0.95)).any()


def test_a_ratios_interval_covers():
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(1_500):
        base = rng.normal(5, 2, 6)
        # The true ratio of the means is 1.2. The interval of the raw difference holds .2 times the
        # observed mean of the denominator in 95 % of such studies.
        low, high = paired_ratio(1.2 * base + rng.normal(0, 0.5, 6), base, 0.9)
        covered += low <= 1.2 <= high
    assert covered / 1_500 == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / 1_500))
