"""Several contrasts at once, held to scipy, to statsmodels and to published tables."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy

from latentlab.statistics.contrasts import Dunnett, Holm, Tukey, of_blocks, of_samples

# Blood counts of Dunnett (1955): control, drug A, drug B.
COUNTS = [
    np.array([7.40, 8.50, 7.20, 8.24, 9.84, 8.32]),
    np.array([9.76, 8.80, 7.68, 9.36]),
    np.array([12.80, 9.68, 12.16, 9.20, 10.55]),
]
AGAINST_FIRST = np.array([[-1.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])


def pairs(arms):
    chosen = itertools.combinations(range(arms), 2)
    return np.array([[float(k == a) - (k == b) for k in range(arms)] for a, b in chosen])


def test_dunnetts_own_example_as_scipy_has_it():
    control, *drugs = COUNTS
    expected = scipy.stats.dunnett(*drugs, control=control, rng=np.random.default_rng(0))
    found = of_samples(COUNTS, AGAINST_FIRST, shared=True)
    loadings = tuple(np.sqrt(len(d) / (len(d) + len(control))) for d in drugs)
    law = Dunnett(loadings, float(found.freedom))
    assert found.deviates() == pytest.approx(np.abs(expected.statistic))
    assert law.adjusted(found.deviates()) == pytest.approx(expected.pvalue, abs=2e-4)
    low = found.estimates - law.quantile(0.95) * found.errors
    assert low == pytest.approx(expected.confidence_interval(0.95).low, abs=2e-3)
    # His conclusion: drug B differs, drug A is not shown to.
    assert (law.adjusted(found.deviates()) <= 0.05).tolist() == [False, True]


@pytest.mark.parametrize(
    ("treatments", "freedom", "published"),
    [(1, 5, 2.57), (3, 16, 2.59), (2, 10, 2.57), (9, 30, 2.86)],
)
def test_dunnetts_table_of_1964(treatments, freedom, published):
    law = Dunnett((0.5**0.5,) * treatments, freedom)
    assert float(law.quantile(0.95)) == pytest.approx(published, abs=0.006)


def test_the_law_of_blocks_is_scipys_multivariate_t_with_correlation_one_half():
    shape = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    for freedom, t in ((4, 2.0), (12, 2.6), (40, 3.1)):
        inside = scipy.stats.multivariate_t(shape=shape, df=freedom, seed=0).cdf(
            np.full(3, t), lower_limit=np.full(3, -t), maxpts=200_000
        )
        found = Dunnett((0.5**0.5,) * 3, freedom).adjusted(np.array([t]))
        assert found[0] == pytest.approx(1 - inside, abs=5e-5)


def test_one_comparison_is_students_t():
    law, t = Dunnett((0.6,), 7.0), np.array([0.3, 1.5, 4.0])
    assert law.adjusted(t) == pytest.approx(2 * scipy.stats.t.sf(t, 7))
    assert law.adjusted(np.array([-1.0, 0.0, np.nan])).tolist() == [1.0, 1.0, 1.0]


def test_all_pairs_are_scipys_tukey_hsd():
    expected = scipy.stats.tukey_hsd(*COUNTS)
    found = of_samples(COUNTS, pairs(3), shared=True)
    law = Tukey(3, float(found.freedom))
    above = np.triu_indices(3, 1)
    assert law.adjusted(found.deviates()) == pytest.approx(expected.pvalue[above])
    half = law.quantile(0.9) * found.errors
    interval = expected.confidence_interval(0.9)
    assert found.estimates - half == pytest.approx(interval.low[above])
    assert found.estimates + half == pytest.approx(interval.high[above])


def test_the_shared_error_of_blocks_is_that_of_the_two_way_table():
    from statsmodels.formula.api import ols

    scores = np.random.default_rng(0).normal(size=(6, 4)) + np.arange(6)[:, None]
    seed, arm = np.indices(scores.shape)
    table = pd.DataFrame({"y": scores.ravel(), "seed": seed.ravel(), "arm": arm.ravel()})
    model = ols("y ~ C(seed) + C(arm)", table).fit()
    found = of_blocks(scores, pairs(4), shared=True)
    assert float(found.freedom) == model.df_resid
    assert found.errors == pytest.approx(np.sqrt(2 * model.mse_resid / 6))
    estimate = model.t_test("C(arm)[T.1]")
    assert -found.estimates[0] == pytest.approx(estimate.effect[0])
    assert found.errors[0] == pytest.approx(estimate.sd[0, 0])


def test_own_errors_are_those_of_the_paired_and_of_welchs_t_test():
    scores = np.random.default_rng(1).normal(size=(50, 7, 3)) * [1, 2, 3]
    found = of_blocks(scores, pairs(3), shared=False)
    expected = scipy.stats.ttest_rel(scores[..., 0], scores[..., 2], axis=1)
    t = found.estimates / found.errors
    assert t[:, 1] == pytest.approx(expected.statistic)
    arms = [scores[:, :4, 0], scores[..., 1], scores[:, :5, 2]]
    found = of_samples(arms, pairs(3), shared=False)
    expected = scipy.stats.ttest_ind(arms[0], arms[2], axis=1, equal_var=False)
    assert found.deviates()[:, 1] == pytest.approx(np.abs(expected.statistic))
    assert found.freedom[:, 1] == pytest.approx(expected.df)


def test_holm_and_bonferroni_agree_on_the_surest_contrast():
    freedom, t = np.array([4.0, 9.0, 20.0]), np.array([3.0, 2.5, 1.0])
    law = Holm(freedom, 3)
    p = law.adjusted(t)
    assert p.min() == pytest.approx(3 * np.min(2 * scipy.stats.t.sf(t, freedom)))
    at = law.quantile(1 - p.min())
    assert np.any(np.isclose(at, t))
    assert not np.any(t > at * (1 + 1e-9))


def test_all_within_takes_the_least_sure_and_without_spread_nothing_is_said():
    scores = np.random.default_rng(2).normal(size=(8, 3))
    found = of_blocks(scores, pairs(3), shared=False)
    worst = max(
        max(
            scipy.stats.ttest_1samp(d, -2.0, alternative="greater").pvalue,
            scipy.stats.ttest_1samp(d, 2.0, alternative="less").pvalue,
        )
        for d in (scores @ pairs(3).T).T
    )
    assert float(found.within(-2.0, 2.0)) == pytest.approx(worst)
    # Differences of .1 + .2 - .3 are rounding.
    flat = of_blocks(np.tile([0.1 + 0.2, 0.3, 0.9], (5, 1)), pairs(3), shared=True)
    assert np.isnan(flat.deviates()).all()
