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


def test_groups_of_one_change_no_digit():
    for table in (TABLE, RNG.normal(size=(3, 4, 6))):
        own, alone = (
            two_way_mean(table, np.zeros_like(table), groups)
            for groups in (RNG.permutation(table.shape[-1]) - 3, None)
        )
        for part in ("mean", "row"):
            assert np.array_equal(getattr(own, part), getattr(alone, part))
        # Their order alone differs, and with it the order of sums.
        assert own.column == pytest.approx(alone.column, rel=1e-14)
        ordered = two_way_mean(table, np.zeros_like(table), np.arange(table.shape[-1]))
        assert np.array_equal(ordered.p("greater"), alone.p("greater"))


def test_equal_groups_are_the_table_of_their_means():
    groups = np.array([5, 2, 5, 2, 9, 9, 0, 0])
    own = two_way_mean(TABLE, np.zeros_like(TABLE), groups)
    means = np.stack([TABLE[:, groups == g].mean(axis=1) for g in np.unique(groups)], axis=1)
    alone = of(means)
    assert own.mean == pytest.approx(alone.mean)
    assert own.error == pytest.approx(alone.error)
    assert own.interval(0.9) == pytest.approx(alone.interval(0.9))


def test_of_unequal_groups_the_error_is_the_jackknife_over_groups():
    """Leaving out each group in turn, by hand; the seeds are alike, so that groups alone vary."""
    groups, row = np.array([0, 0, 0, 1, 1, 2, 3, 3]), TABLE[:1]
    own = two_way_mean(np.repeat(row, 4, axis=0), np.zeros((4, 8)), groups)
    left = np.array([row[:, groups != g].mean() for g in range(4)])
    assert own.of_seeds == pytest.approx(0, abs=1e-30)
    assert own.of_examples == pytest.approx(3 / 4 * np.sum((left - row.mean()) ** 2))
    assert own.examples == pytest.approx(64 / 18)
    expected = scipy.stats.t.sf(own.mean / own.error, 64 / 18 - 1)
    assert own.p("greater") == pytest.approx(expected)


def test_a_seeds_own_shift_is_no_variation_of_its_groups():
    """However unequal the groups are."""
    groups = np.array([0, 0, 0, 0, 0, 1, 2, 2])
    shifted = TABLE + np.array([[3.0], [-1.0], [0.0], [5.0], [-7.0]])
    own, other = (two_way_mean(t, np.zeros_like(t), groups) for t in (TABLE, shifted))
    assert other.column == pytest.approx(own.column)
    assert other.residual == pytest.approx(own.residual)


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
