"""Convergence, coverage, cost, fronts, slices: what happened in a sweep."""

import itertools

import numpy as np
import pandas as pd
import pytest

from labs.sweep_tables import (
    CONDITIONAL,
    MIXED,
    noise_table,
    published_facts,
    random_rows,
    sweep_table,
)
from latentlab.core.errors import UserError
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.effects.convergence import convergence, progress
from latentlab.search.effects.cost import cost
from latentlab.search.effects.coverage import coverage, coverage_cells, space_size
from latentlab.search.effects.pareto import not_dominated, pareto_front
from latentlab.search.effects.ranges import empirical_ranges
from latentlab.search.effects.slices import chosen_pairs, contour, slices
from latentlab.search.grid import configurations
from latentlab.search.matrix import sweep_matrix
from latentlab.search.space import Space
from latentlab.search.table import Objective, SweepTable

SETTINGS = AnalysisSettings()


def test_best_so_far_and_what_random_rows_would_have_had():
    values = [3.0, 5.0, 4.0, 9.0, 1.0]
    rows = random_rows(MIXED, 5, 0)
    table = sweep_table(
        MIXED, rows, values, direction="minimize", adaptive=[False, False, False, True, True]
    )
    curve = convergence(table)
    assert list(curve["best_so_far"]) == [3, 3, 3, 3, 1]
    assert list(curve["improved"]) == [True, False, False, False, True]
    # Means of the lowest of one, two and three of 3, 5, 4.
    assert list(curve["expected_random"][:3]) == pytest.approx([4, 10 / 3, 3])
    assert curve["expected_random"][3:].isna().all()
    (stand,) = progress(curve).to_dict("records")
    assert (stand["best"], stand["found_at"], stand["since"], stand["chance"]) == (1, 5, 0, 1)
    assert (stand["random_reference"], stand["best_within_reference"]) == (3, 3)


def test_a_search_that_stopped_to_improve_says_how_rare_that_is():
    values = np.r_[10.0, np.zeros(19)]
    (stand,) = progress(convergence(sweep_table(MIXED, random_rows(MIXED, 20, 1), values))).to_dict(
        "records"
    )
    assert (stand["found_at"], stand["since"]) == (1, 19)
    assert stand["chance"] == pytest.approx(0.05)


def test_size_of_the_space_is_that_of_its_grid():
    gridded = {
        "way": {"type": "categorical", "choices": ["a", "b", "c"]},
        "deep": {"type": "categorical", "choices": [True, False], "when": {"way": ["a", "b"]}},
        "depth": {"type": "int", "low": 1, "high": 4, "when": {"deep": True}},
        "width": {"type": "float", "low": 0.0, "high": 1.0, "step": 0.25},
        "flat": {"type": "int", "low": 0, "high": 6, "when": {"way": "c"}},
    }
    grid = list(configurations(Space(parameters=gridded)))
    table = sweep_table(gridded, grid[:7], range(7))
    (size,) = space_size(table.space, sweep_matrix(table).finished, SETTINGS).to_dict("records")
    assert 10 ** size["log10_cells"] == pytest.approx(len(grid))
    assert size["cells_visited"] == 7
    assert size["regimes"] == 5
    whole = sweep_table(gridded, grid, range(len(grid)))
    (size,) = space_size(whole.space, sweep_matrix(whole).finished, SETTINGS).to_dict("records")
    assert size["share_visited"] == pytest.approx(1)
    assert (coverage(sweep_matrix(whole).finished, SETTINGS)["share"] == 1).all()


def test_real_numbers_are_cut_into_cells_and_logs_into_cells_that_hold_a_number():
    parameters = {
        "rate": {"type": "float", "low": 1e-4, "high": 1.0, "log": True},
        "units": {"type": "int", "low": 1, "high": 100, "log": True},
        "many": {"type": "int", "low": 1, "high": 1000},
    }
    values = range(1, 101)
    rows = [{"rate": 10 ** (-4 + 0.04 * k), "units": k, "many": 10 * k} for k in values]
    found = coverage(sweep_matrix(sweep_table(parameters, rows, values)).finished, SETTINGS)
    assert (found["share"] == 1).all()
    assert list(found["cells"]) == [10, 10, 10]
    few = coverage(sweep_matrix(sweep_table(parameters, rows[:1], [0])).finished, SETTINGS)
    assert list(few["covered"]) == [1, 1, 1]


def test_cells_of_a_short_log_range_are_its_numbers():
    parameters = {"layers": {"type": "int", "low": 2, "high": 6, "log": True}}
    rows = [{"layers": k} for k in (2, 3, 4, 5, 6)]
    column = sweep_matrix(sweep_table(parameters, rows, range(5))).finished.columns["layers"]
    assert list(coverage_cells(column, 10)) == [0, 1, 2, 3, 4]


def test_what_is_unknown_stays_unknown():
    rows = random_rows(MIXED, 4, 2)
    table = sweep_table(
        MIXED,
        rows,
        [1, 2, np.nan, np.nan],
        state=["complete", "complete", "pruned", "failed"],
        seconds=[10.0, 20.0, 5.0, np.nan],
        epochs=np.nan,
    )
    spent = cost(table).set_index("state")
    assert list(spent.index) == ["complete", "pruned", "failed", "all"]
    assert spent.loc["all", "seconds"] == 35
    assert spent.loc["all", "seconds_unknown"] == 1
    assert np.isnan(spent.loc["failed", "seconds"])
    assert np.isnan(spent.loc["all", "epochs"])
    assert spent["device_hours"].isna().all()
    assert spent["runs"].isna().all()
    two = cost(table, devices=2).set_index("state")
    assert two.loc["complete", "device_hours"] == pytest.approx(30 * 2 / 3600)


def test_runs_are_counted_where_they_are_known():
    runs = pd.DataFrame(
        {"configuration": [0, 0, 1, 1], "seed": [1, 2, 1, 2], "state": "complete", "score": 1.0}
    )
    table = sweep_table(MIXED, random_rows(MIXED, 2, 3), [1, 2], replicates=runs)
    assert cost(table).set_index("state").loc["all", "runs"] == 4


@pytest.mark.parametrize("objectives", [2, 3])
def test_front_by_brute_force(objectives):
    points = np.round(np.random.default_rng(objectives).normal(size=(60, objectives)), 1)
    brute = [not any(np.all(q >= p) and np.any(q > p) for q in points) for p in points]
    assert list(not_dominated(points)) == brute


def test_front_of_a_sweep_turns_what_is_minimised():
    one = noise_table(6, 4)
    cost = [1.0, 2.0, 3.0, 1.0, np.nan, 9.0]
    table = SweepTable(
        one.name,
        one.space,
        one.sampler,
        (one.objective, Objective("cost", "minimize")),
        one.parameters,
        one.outcomes.assign(score=[1.0, 5.0, 4.0, 2.0, 9.0, 9.0], cost=cost),
        one.replicates,
    )
    front = pareto_front(table)
    assert list(front["configuration"]) == [5, 1, 3]
    assert {"score", "cost", "width"} <= set(front.columns)


def test_slices_and_contours_hold_the_rows_that_have_the_parameters():
    table = published_facts()
    rows = sweep_matrix(table).finished
    sliced = slices(rows)
    assert dict(sliced.groupby("parameter").size())["dropout"] == 5
    assert set(sliced.loc[sliced["parameter"] == "encoder", "x"]) == {"cnn", "context"}
    pair = contour(rows, "depth", "encoder")
    assert list(pair.columns) == ["configuration", "p1", "p2", "value"]
    assert len(pair) == 15
    assert set(pair["p2"]) == {"cnn"}
    merged = pair.set_index("configuration")
    assert merged["value"].equals(table.outcomes.loc[merged.index, "score"].rename("value"))
    with pytest.raises(UserError, match="contours: nothing is no parameter"):
        contour(rows, "depth", "nothing")


def test_pairs_are_the_leading_ones_and_those_asked_for():
    shares = pd.DataFrame(
        {
            "parameter": ["a", "b", "c", "d", "z"],
            "evaluator": ["PED-ANOVA"] * 4 + ["fANOVA"],
            "importance": [0.5, 0.3, 0.2, np.nan, 0.9],
        }
    )
    pairs = chosen_pairs(shares, 3, [("d", "a"), ("b", "a")])
    assert pairs == [*itertools.combinations("abc", 2), ("d", "a")]


def test_ranges_of_all_rows_and_of_elites():
    rows = random_rows(CONDITIONAL, 40, 5)
    values = [row["rate"] if row["encoder"] == "cnn" else 0.0 for row in rows]
    table = sweep_table(CONDITIONAL, rows, values)
    found = empirical_ranges(sweep_matrix(table).finished, SETTINGS).set_index("parameter")
    rates = sorted((row["rate"] for row in rows if row["encoder"] == "cnn"), reverse=True)
    assert found.loc["rate", "elite_low"] == pytest.approx(rates[9])
    assert found.loc["rate", "observed_low"] == pytest.approx(min(r["rate"] for r in rows))
    assert found.loc["encoder", "elite_choices"] == ["cnn"]
    assert found.loc["encoder", "observed_choices"] == ["cnn", "context"]
    assert np.isnan(found.loc["dropout", "elite_low"])
