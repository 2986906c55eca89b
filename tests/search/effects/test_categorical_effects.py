"""Means of choices, their differences and intervals."""

import itertools

import numpy as np
import pytest
import scipy.stats

from labs.sweep_tables import MIXED, random_rows, sweep_table
from latentlab.core.errors import UserError
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.effects.categorical_effects import (
    boolean_effects,
    categorical_detail,
    categorical_summary,
)
from latentlab.search.matrix import sweep_matrix
from latentlab.statistics.selection_bias import (
    expected_best,
    expected_best_of,
    expected_highest_normal,
)

SETTINGS = AnalysisSettings()


@pytest.fixture
def shifted():
    rows = random_rows(MIXED, 60, 5)
    noise = np.random.default_rng(5).normal(size=60)
    shift = {"mean": 0.0, "max": 1.0, "last": -1.0}
    return sweep_table(MIXED, rows, noise + [shift[r["pooling"]] + r["scheduler"] for r in rows])


def _groups(table, name):
    return {
        choice: table.outcomes.loc[table.parameters[name] == choice, "score"].to_numpy()
        for choice in table.parameters[name].unique()
    }


def test_boolean_is_true_minus_false_with_welchs_interval(shifted):
    (row,) = boolean_effects(sweep_matrix(shifted).finished, SETTINGS).to_dict("records")
    groups = _groups(shifted, "scheduler")
    welch = scipy.stats.ttest_ind(groups[True], groups[False], equal_var=False)
    assert row["parameter"] == "scheduler"
    assert row["difference"] == pytest.approx(groups[True].mean() - groups[False].mean())
    interval = welch.confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["better"] == "true"
    assert (row["n_true"], row["n_false"]) == (len(groups[True]), len(groups[False]))


def test_summary_names_best_and_worst(shifted):
    (row,) = categorical_summary(sweep_matrix(shifted).finished, SETTINGS).to_dict("records")
    groups = _groups(shifted, "pooling")
    assert (row["best_choice"], row["worst_choice"]) == ("max", "last")
    assert row["difference"] == pytest.approx(groups["max"].mean() - groups["last"].mean())
    welch = scipy.stats.ttest_ind(groups["max"], groups["last"], equal_var=False)
    interval = welch.confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    # A description: whether a parameter matters is what the screening says.
    assert "p" not in row


def test_minimised_objective_has_the_smallest_mean_as_its_best(shifted):
    turned = sweep_table(
        MIXED,
        shifted.parameters.to_dict("records"),
        -shifted.outcomes["score"],
        direction="minimize",
    )
    (row,) = categorical_summary(sweep_matrix(turned).finished, SETTINGS).to_dict("records")
    (other,) = categorical_summary(sweep_matrix(shifted).finished, SETTINGS).to_dict("records")
    assert row["best_choice"] == other["best_choice"]
    assert row["difference"] == -other["difference"]
    (truth,) = boolean_effects(sweep_matrix(turned).finished, SETTINGS).to_dict("records")
    assert truth["better"] == "true"
    assert truth["difference"] < 0


def test_detail_lists_every_declared_choice_of_every_kind():
    rows = [row | {"pooling": "mean"} for row in random_rows(MIXED, 30, 6)]
    detail = categorical_detail(
        sweep_matrix(sweep_table(MIXED, rows, range(30))).finished, SETTINGS
    )
    assert set(detail["parameter"]) == {"batch", "scheduler", "pooling"}
    untried = detail[detail["choice"] == "max"].iloc[0]
    assert untried["n"] == 0
    assert np.isnan(untried["mean"])
    assert detail.groupby("parameter")["n"].sum().eq(30).all()


def test_detail_has_students_interval(shifted):
    detail = categorical_detail(sweep_matrix(shifted).finished, SETTINGS).set_index("choice")
    group = _groups(shifted, "pooling")["max"]
    interval = scipy.stats.ttest_1samp(group, 0).confidence_interval(0.95)
    assert (detail["low"]["max"], detail["high"]["max"]) == pytest.approx(tuple(interval))


def test_true_and_one_are_different_choices_and_none_is_one():
    parameters = {"way": {"type": "categorical", "choices": [True, 1, None, "one"]}}
    rows = [{"way": w} for w in (True, 1, None, "one", 1, None)]
    detail = categorical_detail(
        sweep_matrix(sweep_table(parameters, rows, range(6))).finished, SETTINGS
    )
    assert list(detail["n"]) == [1, 2, 2, 1]
    assert list(detail["mean"]) == [0, 2.5, 3.5, 3]


def test_an_unknown_choice_is_an_error_that_names_it():
    table = sweep_table(MIXED, random_rows(MIXED, 5, 7), range(5))
    table.parameters.loc[3, "pooling"] = "sum"
    with pytest.raises(UserError, match="pooling is 'sum' in row 3"):
        sweep_matrix(table)


def test_expected_best_by_brute_force():
    scores = np.array([0.3, 1.0, 1.0, -2.0, 5.0, 0.1])
    found = expected_best(scores)
    for k in range(1, 7):
        brute = np.mean([max(pick) for pick in itertools.combinations(scores, k)])
        assert found[k - 1] == pytest.approx(brute)
        assert expected_best_of(scores, k) == pytest.approx(brute)


def test_expected_best_of_many_scores_does_not_overflow():
    scores = np.random.default_rng(0).normal(size=2_000)
    found = expected_best(scores)
    assert found[0] == pytest.approx(scores.mean())
    assert found[-1] == pytest.approx(scores.max())
    assert np.all(np.diff(found) >= -1e-12)
    assert found[999] == pytest.approx(expected_best_of(scores, 1000))


@pytest.mark.parametrize(
    ("k", "tabled"), [(1, 0.0), (2, 1 / np.sqrt(np.pi)), (5, 1.16296), (20, 1.86748)]
)
def test_expected_highest_of_normals(k, tabled):
    assert expected_highest_normal(k) == pytest.approx(tabled, abs=1e-5)


def test_equal_budgets_shorten_the_lead_of_the_choice_with_more_rows():
    rows = [{"way": "often"}] * 40 + [{"way": "rarely"}] * 5
    parameters = {"way": {"type": "categorical", "choices": ["often", "rarely"]}}
    values = np.random.default_rng(3).normal(size=45)
    detail = categorical_detail(
        sweep_matrix(sweep_table(parameters, rows, values)).finished, SETTINGS
    )
    often, rarely = detail.to_dict("records")
    assert often["equal_budget"] == rarely["equal_budget"] == 5
    assert often["best_of_equal_budget"] < often["best"]
    assert rarely["best_of_equal_budget"] == pytest.approx(rarely["best"])
