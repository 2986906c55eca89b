"""A mean over seeds and examples, against statsmodels' REML and scipy's t tests."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.formula.api as smf

from latentlab.statistics.two_way import two_way_mean

RNG = np.random.default_rng(5)
TABLE = 0.3 + (RNG.normal(0, 0.4, (5, 1)) + RNG.normal(0, 1.0, (1, 8)) + RNG.normal(0, 0.7, (5, 8)))


def of(table):
    return two_way_mean(table, np.zeros_like(table))


def test_components_and_error_are_those_of_reml():
    seeds, examples = np.indices(TABLE.shape)
    data = pd.DataFrame({"y": TABLE.ravel(), "s": seeds.ravel(), "e": examples.ravel()})
    parts = {"s": "0 + C(s)", "e": "0 + C(e)"}
    fit = smf.mixedlm("y ~ 1", data, groups=np.ones(len(data)), vc_formula=parts).fit(reml=True)
    components = dict(zip(sorted(parts), fit.vcomp, strict=True))
    found = of(TABLE)
    assert found.mean == pytest.approx(fit.fe_params["Intercept"])
    assert found.of_examples == pytest.approx(components["e"] / 8, rel=1e-3)
    assert found.of_seeds == pytest.approx(components["s"] / 5 + fit.scale / 40, rel=1e-3)
    assert found.error == pytest.approx(fit.bse_fe["Intercept"], rel=1e-3)


@pytest.mark.parametrize("turn", [lambda t: t, np.transpose])
def test_where_one_source_varies_it_is_the_t_test_of_that_source(turn):
    values = np.array([0.2, 0.5, -0.1, 0.9, 0.4])
    found = of(turn(np.repeat(values[:, None], 12, axis=1)))
    for alternative in ("greater", "less"):
        expected = scipy.stats.ttest_1samp(values, 0, alternative=alternative)
        assert found.p(alternative) == pytest.approx(expected.pvalue)
    ends = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert found.interval(0.9) == pytest.approx(tuple(ends))
    assert found.freedom == pytest.approx(4)


def test_seeds_and_examples_change_places():
    found, turned = of(TABLE), of(TABLE.T)
    assert turned.row == pytest.approx(found.column)
    assert turned.column == pytest.approx(found.row)
    assert turned.residual == pytest.approx(found.residual)


def test_the_interval_ends_where_the_test_does():
    for level in (0.8, 0.9, 0.99):
        low, high = of(TABLE).interval(level)
        assert of(TABLE - low).p("greater") == pytest.approx((1 - level) / 2)
        assert of(TABLE - high).p("less") == pytest.approx((1 - level) / 2)


def test_tables_are_judged_one_by_one():
    tables = RNG.normal(size=(3, 4, 6))
    together = of(tables)
    for k, table in enumerate(tables):
        assert together.p("greater")[k] == pytest.approx(of(table).p("greater"))


def test_rounding_is_no_variation():
    found = two_way_mean(np.full((3, 4), 0.3), np.full((3, 4), 0.1) + 0.1)
    assert np.isnan(found.p("greater"))
    assert np.isnan(found.examples_share)
    assert found.interval(0.9) == (found.mean, found.mean)


def test_more_seeds_leave_what_the_examples_bring():
    found = of(TABLE)
    many = found.with_seeds(500, 1.0)
    assert many.of_seeds == pytest.approx(found.of_seeds / 100)
    assert many.of_examples == pytest.approx(found.of_examples)
    assert many.interval(0.9)[1] - many.mean == pytest.approx(found.narrowest(0.9), rel=0.05)
    same = found.with_seeds(5, 1.0)
    assert same.p("greater") == pytest.approx(found.p("greater"))


def expected_squares(of_seeds, of_examples, rest, shape):
    """The mean over many tables of the estimated parts of the variance."""
    rng, tables = np.random.default_rng(6), 20_000
    table = (
        of_seeds * rng.normal(size=(tables, shape[0], 1))
        + of_examples * rng.normal(size=(tables, 1, shape[1]))
        + rest * rng.normal(size=(tables, *shape))
    )
    return of(table)


def test_mean_squares_have_the_expectations_that_are_written():
    found = expected_squares(0.5, 1.0, 0.8, (4, 6))
    particular = 0.64 / 24
    assert found.row.mean() == pytest.approx(0.25 / 4 + particular, rel=0.03)
    assert found.column.mean() == pytest.approx(1 / 6 + particular, rel=0.03)
    assert found.residual.mean() == pytest.approx(particular, rel=0.03)
    assert found.mean.var() == pytest.approx(0.25 / 4 + 1 / 6 + particular, rel=0.03)
