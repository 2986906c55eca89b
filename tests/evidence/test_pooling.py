"""The pooled effect of several problems: against scipy, statsmodels, and simulation."""

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.oneway import anova_oneway

from latentlab.evidence.decisions import evidence_at_boundaries, location_evidence
from latentlab.evidence.margins import Boundary
from latentlab.evidence.pooling import heterogeneity, stratified_mean
from latentlab.statistics.intervals import mean_interval

RNG = np.random.default_rng(3)
SIZES = (10, 6, 14)
OLD = [RNG.normal(5 * k, 1 + k, n) for k, n in enumerate(SIZES)]
NEW = [own + RNG.normal(0.6 * k, 0.5 + k, len(own)) for k, own in enumerate(OLD)]


def test_one_stratum_is_the_paired_t_test():
    one = stratified_mean([NEW[0]], [OLD[0]])
    for alternative in ("greater", "less"):
        expected = scipy.stats.ttest_rel(NEW[0], OLD[0], alternative=alternative).pvalue
        assert one.p(alternative) == pytest.approx(expected, rel=1e-12)
    assert one.interval(0.9) == pytest.approx(mean_interval(NEW[0] - OLD[0], 0.9), rel=1e-12)
    assert one.freedom == pytest.approx(9, rel=1e-12)


def test_effect_and_error_are_those_of_the_formula_by_hand():
    pooled = stratified_mean(NEW, OLD)
    d = [new - old for new, old in zip(NEW, OLD, strict=True)]
    v = [np.var(own, ddof=1) / len(own) for own in d]
    assert pooled.mean == pytest.approx(sum(map(np.mean, d)) / 3)
    assert pooled.error == pytest.approx(np.sqrt(sum(v)) / 3)
    freedom = sum(v) ** 2 / sum(one**2 / (n - 1) for one, n in zip(v, SIZES, strict=True))
    assert pooled.freedom == pytest.approx(freedom)
    assert min(SIZES) - 1 < freedom < sum(SIZES) - 3
    assert pooled.p("greater") + pooled.p("less") == pytest.approx(1)


def test_two_strata_of_opposite_sign_are_welchs_test():
    # (mean of a + mean of -b) / 2 is half of Welch's difference, with his degrees of freedom.
    a, b = NEW[0] - OLD[0], NEW[1] - OLD[1]
    pooled = stratified_mean([a, -b], [np.zeros_like(a), np.zeros_like(b)])
    expected = scipy.stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    assert pooled.p("greater") == pytest.approx(expected.pvalue, rel=1e-12)
    assert pooled.freedom == pytest.approx(expected.df, rel=1e-12)


def test_balanced_strata_of_equal_spread_are_a_regression_with_dummies():
    # With sum-to-zero dummies the constant is the mean of the stratum means; the same spread in
    # each stratum makes Satterthwaite's degrees of freedom those of the residuals.
    noise = RNG.normal(size=8)
    strata = [noise + 0.4, -noise + 1.0, noise[::-1] + 0.1]
    strata = [own - own.mean() + m for own, m in zip(strata, (0.4, 1.0, 0.1), strict=True)]
    pooled = stratified_mean(strata, [np.zeros(8)] * 3)
    dummies = np.kron(np.vstack([np.eye(2), -np.ones((1, 2))]), np.ones((8, 1)))
    fit = sm.OLS(np.concatenate(strata), sm.add_constant(dummies)).fit()
    assert pooled.mean == pytest.approx(fit.params[0])
    assert pooled.error == pytest.approx(fit.bse[0])
    assert pooled.freedom == pytest.approx(fit.df_resid)
    assert pooled.interval(0.95) == pytest.approx(tuple(fit.conf_int()[0]))


def test_heterogeneity_is_cochrans_q_with_the_p_of_welchs_anova():
    differences = [new - old for new, old in zip(NEW, OLD, strict=True)]
    pooled = stratified_mean(NEW, OLD)
    found = heterogeneity(pooled)
    expected = combine_effects(pooled.effects, pooled.errors**2)
    assert found.q == pytest.approx(expected.q)
    assert found.i_squared == pytest.approx(max(0.0, expected.i2))
    assert found.p == pytest.approx(anova_oneway(differences, use_var="unequal").pvalue)
    two = heterogeneity(stratified_mean(NEW[:2], OLD[:2]))
    welch = scipy.stats.ttest_ind(*differences[:2], equal_var=False).pvalue
    assert two.p == pytest.approx(welch)


def test_problems_differ_where_chance_would_rarely_make_them():
    zero = [np.zeros(6)] * 2
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05])
    alike = heterogeneity(stratified_mean([noise + 1, noise + 1], zero))
    assert alike.i_squared == 0
    assert alike.unlike is False
    unlike = heterogeneity(stratified_mean([noise + 1, noise - 1], zero))
    assert unlike.unlike is True
    flat = heterogeneity(stratified_mean([noise, np.ones(6)], zero))
    assert flat.unlike is None


def test_a_stratum_that_does_not_vary_adds_no_error_and_all_such_decide_nothing():
    noise = np.array([0.5, -0.3, 0.2, 0.4])
    # 0.3 - 0.2 and 1.3 - 1.2 differ by rounding alone.
    flat = (np.array([0.3, 1.3, 2.3, 3.3]), np.array([0.2, 1.2, 2.2, 3.2]))
    pooled = stratified_mean([noise, flat[0]], [np.zeros(4), flat[1]])
    assert pooled.errors[1] == 0
    assert pooled.mean == pytest.approx((noise.mean() + 0.1) / 2)
    assert pooled.error == pytest.approx(scipy.stats.sem(noise) / 2)
    assert pooled.freedom == pytest.approx(3)
    alone = stratified_mean([flat[0]], [flat[1]])
    assert np.isnan(alone.p("greater"))
    assert alone.interval(0.9) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("comparison", ["superiority", "non_inferiority", "equivalence"])
def test_evidence_of_one_problem_is_that_of_the_paired_test(comparison):
    new, old, m = NEW[1], OLD[1], 0.2

    def p(side, alternative):
        return stratified_mean([new], [old + side * m]).p(alternative)

    for sides in ("one",) if comparison == "equivalence" else ("one", "two"):
        expected = location_evidence(
            comparison, "paired_t", new[None], old[None], Boundary(m), sides=sides
        )
        assert evidence_at_boundaries(comparison, p, sides) == pytest.approx(
            tuple(float(one[0]) for one in expected), rel=1e-9
        )


@pytest.mark.parametrize("spreads", [(1, 1, 1), (1, 3, 9), (0.1, 0.1, 5)])
def test_intervals_cover_and_tests_hold_their_level(spreads):
    rng = np.random.default_rng(1)
    # Unlike problems: the pooled effect is 1, the mean of theirs.
    strata = [
        rng.normal(mean, sd, (20_000, n))
        for mean, sd, n in zip((0.0, 1.0, 2.0), spreads, (5, 10, 7), strict=True)
    ]
    pooled = stratified_mean(strata, [np.ones((1, own.shape[1])) for own in strata])
    for alternative in ("greater", "less"):
        assert np.mean(pooled.p(alternative) <= 0.05) == pytest.approx(0.05, abs=0.006)
    half = scipy.stats.t.ppf(0.975, pooled.freedom) * pooled.error
    assert np.mean(np.abs(pooled.mean) <= half) == pytest.approx(0.95, abs=0.006)


def test_equal_problems_are_called_unlike_as_often_as_the_level_says():
    rng = np.random.default_rng(2)
    spreads = np.array([1.0, 2.0, 4.0])
    found = [
        heterogeneity(stratified_mean([rng.normal(0, s, 6) for s in spreads], [np.zeros(6)] * 3))
        for _ in range(1_500)
    ]
    welch = np.mean([one.p <= 0.05 for one in found])
    chi_squared = np.mean(scipy.stats.chi2.sf([one.q for one in found], 2) <= 0.05)
    assert welch == pytest.approx(0.05, abs=0.018)
    # Why Q is not referred to chi-squared.
    assert chi_squared > 0.08
