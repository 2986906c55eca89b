"""The table of a sweep: positions, order of the rows, copies, elites."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labs.refinement import PARAMETERS, table_of
from labs.sweep_tables import CONDITIONAL, random_rows, sweep_table
from latentlab.core.errors import UserError
from latentlab.search.columns import column_of
from latentlab.search.effects.seed_noise import replicate_noise
from latentlab.search.matrix import sweep_matrix
from latentlab.search.parameters import CategoricalParameter, FloatParameter

WIDTH = FloatParameter(type="float", low=0.5, high=3.0)
RATE = FloatParameter(type="float", low=1e-4, high=1e-1, log=True)


def shares(parameter, values):
    series = pd.Series(values, dtype=object)
    return column_of("speed", parameter, series, np.ones(len(series), dtype=bool)).shares


def test_shares_on_linear_log_and_ordered_scales():
    assert shares(WIDTH, [0.5, 1.75, 3.0, np.nan])[:3].tolist() == [0, 0.5, 1]
    assert np.isnan(shares(WIDTH, [np.nan])[0])
    assert shares(RATE, [1e-3]) == pytest.approx(1 / 3)
    sizes = CategoricalParameter(type="categorical", choices=(8, 16, 64), ordered=True)
    assert shares(sizes, [64, 8]).tolist() == [2, 0]


def test_one_and_true_are_different_choices():
    mixed = CategoricalParameter(type="categorical", choices=(1, True, None))
    assert shares(mixed, [True, 1, None]).tolist() == [1, 0, 2]
    without = CategoricalParameter(type="categorical", choices=(1, True))
    assert np.isnan(shares(without, [np.nan])[0])


@pytest.mark.parametrize(
    ("parameter", "value", "told"),
    [
        (WIDTH, 3.5, r"speed is 3.5 in row 0, outside \[0.5, 3\]"),
        (CategoricalParameter(type="categorical", choices=("a", "b")), "c", "none of its choices"),
    ],
)
def test_a_value_outside_the_space_is_named(parameter, value, told):
    with pytest.raises(UserError, match=told):
        shares(parameter, [value])


def test_states_are_ordered():
    table = table_of(
        {"width": PARAMETERS["width"]},
        [{"width": 1.0 + k / 10} for k in range(7)],
        [5.0, 1.0, 9.0, 8.0, np.nan, np.nan, np.nan],
        state=["complete", "complete", "pruned", "pruned", "diverged", "failed", "complete"],
        epochs=[8, 8, 2, 4, 1, 0, 8],
    )
    matrix = sweep_matrix(table)
    # Worst first: diverged (a complete run without a number is one), pruned by epochs, complete.
    worst_first = matrix.places[[4, 6, 2, 3, 1, 0]]
    assert np.unique(worst_first, return_inverse=True)[1].tolist() == [0, 0, 1, 2, 3, 4]
    assert (np.diff(worst_first) >= 0).all()
    assert matrix.counted.tolist() == [True] * 5 + [False, True]
    assert matrix.finished.numbers.tolist() == [0, 1]


def test_smaller_is_better_where_the_objective_says_so():
    rows = [{"width": 1.0 + k / 10} for k in range(3)]
    table = table_of({"width": PARAMETERS["width"]}, rows, [3.0, 1.0, 2.0], direction="minimize")
    assert sweep_matrix(table).places.tolist() == [0, 2, 1]


def test_a_repeated_configuration_is_no_second_observation():
    kind = {"kind": {"type": "categorical", "choices": ["a", "b"]}}
    rows = [{"kind": "a"}, {"kind": "b"}, {"kind": "a"}, {"kind": "a"}]
    matrix = sweep_matrix(table_of(kind, rows, [1 / 3, 2**0.5, 1 / 3, np.pi]))
    assert matrix.copies.tolist() == [False, False, True, False]
    assert matrix.repeats.tolist() == [False, False, True, True]
    assert len(matrix.finished) == 3


def test_equal_rounded_values_of_replicates_are_kept_all_alike():
    """Runs of a published report: three of five repeats have the value of their first run."""
    parameters = {
        "warmup": {"type": "int", "low": 2, "high": 20},
        "clusters": {"type": "int", "low": 10, "high": 40},
    }
    settings = [(5, 10), (10, 10), (5, 20), (5, 10), (5, 10), (10, 10), (10, 10), (5, 20), (2, 10)]
    rows = [{"warmup": warmup, "clusters": clusters} for warmup, clusters in settings]
    table = table_of(parameters, rows, [0.60, 0.59, 0.67, 0.62, 0.59, 0.59, 0.59, 0.67, 0.61])
    matrix = sweep_matrix(table)
    assert not matrix.copies.any()
    assert matrix.repeats.sum() == 5
    (sd, freedom), counts = replicate_noise(table, matrix.finished)
    assert (round(sd, 4), freedom) == (0.0097, 5)
    assert (counts == 1).all()


def test_a_configuration_asked_for_twice_on_the_same_seeds_is_a_copy_however_coarse():
    kind = {"kind": {"type": "categorical", "choices": ["a", "b"]}}
    rows = [{"kind": "a"}, {"kind": "b"}, {"kind": "a"}]
    seeds = pd.DataFrame({"configuration": [0, 1, 2], "seed": 1, "score": [0.5, 0.6, 0.5]})
    table = table_of(kind, rows, [0.5, 0.6, 0.5])
    assert not sweep_matrix(table).copies.any()
    known = replace(table, replicates=seeds.assign(state="complete"))
    assert sweep_matrix(known).copies.tolist() == [False, False, True]


def test_rows_are_in_the_order_of_being_asked_for():
    rows = random_rows(CONDITIONAL, 7, 4)
    table = sweep_table(CONDITIONAL, rows, range(7))
    order = [3, 1, 6, 0, 5, 2, 4]
    one = sweep_matrix(table)
    shuffled = replace(
        table, parameters=table.parameters.iloc[order], outcomes=table.outcomes.iloc[order]
    )
    other = sweep_matrix(shuffled)
    assert other.numbers.tolist() == list(range(7))
    assert other.values.tolist() == one.values.tolist()
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column.shares, other.columns[name].shares)


def test_the_elites_of_finished_rows_are_those_of_their_scores():
    rows = random_rows(CONDITIONAL, 20, 5)
    values = np.round(np.random.default_rng(5).normal(size=20), 1)
    matrix = sweep_matrix(sweep_table(CONDITIONAL, rows, values)).finished
    elite = matrix.elites(0.25)
    assert matrix.values[elite].min() > matrix.values[~elite].max()
    assert 5 <= elite.sum() <= 10
