"""Measures of parameters against scipy and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api
import statsmodels.formula.api
from statsmodels.stats.anova import anova_lm

from latentlab.search.parameters import CategoricalParameter, FloatParameter, IntParameter
from latentlab.search.screening.anova import (
    centred,
    orthonormal,
    outcome_of,
    parameter_statistics,
    partial_statistic,
    terms,
)
from latentlab.statistics.ranks import normal_scores


def measure(parameter, positions, scores):
    there = np.broadcast_to(~np.isnan(positions), scores.shape)
    return parameter_statistics(parameter, positions, outcome_of(scores, there, 0.25), 0.1)


WIDTH = FloatParameter(type="float", low=0.0, high=1.0)
KIND = CategoricalParameter(type="categorical", choices=("a", "b", "c"))


def blom(scores):
    ranks = scipy.stats.rankdata(scores)
    return scipy.stats.norm.ppf((ranks - 0.375) / (len(scores) + 0.25))


@pytest.fixture
def drawn():
    rng = np.random.default_rng(3)
    x = rng.random(30)
    return x, rng.integers(3, size=30).astype(float), x + rng.normal(size=30)


def test_a_range_is_a_line_and_a_parabola(drawn):
    x, _, y = drawn
    found = measure(WIDTH, x[None], y[None])
    model = statsmodels.api.OLS(blom(y), np.stack([np.ones_like(x), x, x**2], axis=1)).fit()
    assert np.exp(-found.statistic[0]) == pytest.approx(model.f_pvalue)
    assert found.line[0] == pytest.approx(np.corrcoef(x, blom(y))[0, 1])
    # The partial correlation of the parabola has the sign of minus the square's coefficient.
    t = -model.tvalues[2]
    assert found.peak[0] == pytest.approx(t / np.sqrt(t**2 + model.df_resid))


def test_choices_are_an_analysis_of_variance(drawn):
    _, kind, y = drawn
    found = measure(KIND, kind[None], y[None])
    groups = [blom(y)[kind == place] for place in range(3)]
    assert np.exp(-found.statistic[0]) == pytest.approx(scipy.stats.f_oneway(*groups).pvalue)
    model = statsmodels.formula.api.ols("y ~ C(k)", {"y": blom(y), "k": kind}).fit()
    pairs = model.t_test_pairwise("C(k)").result_frame["t"].abs()
    assert found.contrast[0] == pytest.approx(pairs.max())


def test_what_is_left_given_another_parameter(drawn):
    x, kind, y = drawn
    there = np.ones((1, 30), dtype=bool)
    basis = orthonormal(terms(KIND, kind[None], there))
    axes = orthonormal(terms(WIDTH, x[None], there), basis)
    outcome = centred(normal_scores(y[None]), there)
    frame = pd.DataFrame({"y": blom(y), "x": x, "k": kind})
    small = statsmodels.formula.api.ols("y ~ C(k)", frame).fit()
    large = statsmodels.formula.api.ols("y ~ C(k) + x + I(x**2)", frame).fit()
    expected = anova_lm(small, large)["Pr(>F)"].iloc[1]
    statistic = partial_statistic(axes, basis, outcome, there.sum(axis=1))
    assert np.exp(-statistic[0]) == pytest.approx(expected)


def test_rows_without_the_parameter_do_not_count(drawn):
    x, _, y = drawn
    gaps = np.where(np.arange(30) % 3 == 0, np.nan, x)
    kept = ~np.isnan(gaps)
    whole = measure(WIDTH, gaps[None], y[None])
    part = measure(WIDTH, x[kept][None], y[kept][None])
    assert whole.statistic[0] == pytest.approx(part.statistic[0])
    assert whole.elite_shares[0] == pytest.approx(part.elite_shares[0])


def test_many_studies_are_each_like_one(drawn):
    x, kind, y = drawn
    rng = np.random.default_rng(0)
    scores = np.stack([rng.permutation(y) for _ in range(5)])
    for parameter, column in ((WIDTH, x), (KIND, kind)):
        together = measure(parameter, column[None], scores)
        alone = [measure(parameter, column[None], s[None]) for s in scores]
        assert together.statistic == pytest.approx([one.statistic[0] for one in alone])
        assert together.elite_shares == pytest.approx(
            np.concatenate([one.elite_shares for one in alone])
        )


def test_any_rising_transform_of_the_scores_changes_nothing(drawn):
    x, _, y = drawn
    one = measure(WIDTH, x[None], y[None])
    other = measure(WIDTH, x[None], np.exp(3 * y)[None])
    assert one.statistic[0] == pytest.approx(other.statistic[0])


def test_where_nothing_can_be_measured_there_is_no_statistic():
    few, constant = np.array([[0.1, 0.5, 0.9, np.nan]]), np.full((1, 8), 0.5)
    assert measure(WIDTH, few, np.array([[1.0, 2, 3, 4]])).statistic[0] == 0
    assert measure(WIDTH, constant, np.arange(8.0)[None]).statistic[0] == 0
    spread = np.linspace(0, 1, 8)[None]
    assert measure(WIDTH, spread, np.ones((1, 8))).statistic[0] == 0


def test_two_whole_numbers_have_a_line_and_no_parabola():
    switch = IntParameter(type="int", low=0, high=1)
    x = np.array([[0.0, 1] * 6])
    y = np.random.default_rng(1).normal(size=(1, 12))
    found = measure(switch, x, y)
    groups = blom(y[0])[x[0] == 0], blom(y[0])[x[0] == 1]
    assert np.exp(-found.statistic[0]) == pytest.approx(scipy.stats.f_oneway(*groups).pvalue)
