"""Runs of an MLflow experiment, as `mlflow.search_runs` returns them, as tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentlab.core.errors import UserError
from latentlab.runs.importers.mlflow import import_mlflow
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.table import Objective, SweepTable

LOSS = Objective("loss", "minimize")


def runs_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A frame as MLflow makes it: newest first, parameters as text, None where there is none."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    frame = pd.DataFrame(
        {
            "run_id": [f"{k:032x}" for k in range(len(rows))],
            "experiment_id": "1",
            "status": [row.get("status", "FINISHED") for row in rows],
            "artifact_uri": "",
            "start_time": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(np.arange(len(rows)), unit="min"),
            "end_time": [
                pd.NaT
                if row.get("status") == "RUNNING"
                else pd.Timestamp("2026-01-01 00:00:30", tz="UTC") + pd.Timedelta(k, "min")
                for k, row in enumerate(rows)
            ],
            **{
                name: [row.get(name, np.nan if "metrics" in name else None) for row in rows]
                for name in columns
                if name != "status"
            },
            "tags.mlflow.user": "someone",
            "tags.mlflow.runName": [f"run {k}" for k in range(len(rows))],
        }
    )
    return frame.iloc[::-1].reset_index(drop=True)


def run(loss: float | None, status: str = "FINISHED", **parameters: object) -> dict[str, Any]:
    row: dict[str, Any] = {f"params.{name}": str(value) for name, value in parameters.items()}
    if loss is not None:
        row["metrics.loss"] = loss
    return {**row, "status": status}


def read(rows: list[dict[str, Any]], **options: Any) -> SweepTable:
    return sweep_of_runs(import_mlflow(runs_of(rows), ["loss"], "experiment", **options), [LOSS])


def test_runs_become_configurations_oldest_first() -> None:
    rows = [
        run(0.5, encoder="cnn", depth=3, lr=0.01, coords=True),
        run(0.4, encoder="context", lr=0.001),
        run(0.7, encoder="cnn", depth=5, lr=0.02, coords=False),
        run(None, encoder="cnn", depth=4, lr=0.03, coords=True),
        run(0.1, "FAILED", encoder="context", lr=0.04),
        run(0.2, "RUNNING", encoder="context", lr=0.05),
        run(0.3, "KILLED", encoder="context", lr=0.06),
        run(float("inf"), encoder="context", lr=0.07),
        {"status": "FINISHED"},
    ]
    table = read(rows)
    assert table.outcomes["state"].tolist() == [
        "complete", "complete", "complete", "failed", "failed", "failed", "diverged",
    ]  # fmt: skip
    np.testing.assert_array_equal(table.scores, [-0.5, -0.4, -0.7])
    assert table.outcomes["loss"].isna().tolist() == [False] * 3 + [True] * 4
    assert table.outcomes["seconds"].tolist() == [30.0] * 7
    assert table.parameters["encoder"].tolist()[:3] == ["cnn", "context", "cnn"]
    assert table.parameters["coords"].tolist()[:3] == [True, None, False]
    assert table.parameters["lr"].dtype == np.float64
    assert table.space.parameters["depth"].when == {"encoder": ["cnn"]}
    assert "1 run left out that had not ended" in table.notes
    assert "1 runs without parameters are left out" in table.notes


@pytest.mark.parametrize("seed", ["training.seed", None])
def test_a_seed_among_the_parameters_makes_replicates(seed: str | None) -> None:
    rows = [
        run(loss, lr=lr, **{"training.seed": k})
        for k, (lr, loss) in enumerate([(0.1, 1.0), (0.2, 2.0)] * 3)
    ]
    table = read(rows, seed=seed)
    assert table.outcomes["loss"].tolist() == [1.0, 2.0]
    assert table.replicates["seed"].tolist() == [0, 1, 2, 3, 4, 5]
    assert list(table.space.parameters) == ["lr"]


def nested(inside: int, row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "tags.mlflow.parentRunId": f"{inside:032x}"}


def test_a_search_around_runs_is_no_configuration() -> None:
    # As scikit-learn's autolog has it: the search has parameters and scores of its own.
    search = {**run(None, cv=5, n_jobs=1), "metrics.best_cv_score": 0.9}
    rows = [search, *(nested(0, run(k / 10, lr=0.1 * (k + 1))) for k in range(4))]
    table = read(rows)
    assert table.outcomes["state"].tolist() == ["complete"] * 4
    assert list(table.space.parameters) == ["lr"]
    assert any("1 runs with others nested in them have no metric" in note for note in table.notes)


def test_parts_of_a_run_with_a_seed_are_left_out() -> None:
    whole = [run(k / 10, lr=0.1 * (k // 2 + 1), seed=k % 2) for k in range(4)]
    folds = [nested(k, run(0.9, lr=5.0)) for k in range(4)]
    table = read([*whole, *folds])
    assert table.outcomes["loss"].tolist() == pytest.approx([0.05, 0.25])
    assert "4 runs nested in one with the seed that they lack are left out" in table.notes


def test_a_seed_that_is_nowhere_a_number_is_none() -> None:
    rows = [run(k / 10, lr=0.1 * (k + 1), random_state=None) for k in range(4)]
    table = read(rows)
    assert len(table.outcomes) == 4
    assert table.replicates.empty
    assert "random_state: called a seed, not taken as it, and left out" in table.notes


def test_random_state_is_a_seed_and_none_is_a_value() -> None:
    # scikit-learn's own: a parameter that a run has and whose value is None.
    rows = [
        run(k / 10, max_depth=depth, random_state=k % 2)
        for k, depth in enumerate([2, 2, None, None, 8, 8])
    ]
    table = read(rows)
    assert list(table.space.parameters) == ["max_depth"]
    assert table.parameters["max_depth"].tolist() == [2, "null", 8]
    assert len(table.replicates) == 6


def test_chosen_parameters_only() -> None:
    rows = [run(k / 10, lr=0.1 * (k + 1), note=f"n{k}") for k in range(4)]
    table = read(rows, parameters=["lr"])
    assert list(table.parameters) == ["lr"]


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([run(None, lr=1)], {}, "experiment: no run has the metric loss. Name one of those that"),
        ([run(1.0, lr=1)], {"parameters": ["x"]}, "no run has the parameter x. Name one of lr"),
        ([run(1.0, lr=1)], {"seed": "x"}, "no run has the parameter x. Name one of lr"),
        ([run(1.0, lr=1), run(2.0, lr=1)], {}, "experiment: no parameter varies"),
        ([run(1.0, "RUNNING", lr=1)], {}, "experiment: there are no finished runs"),
        ([run(1.0, lr=1, seed=1, other_seed=2)], {}, "seed and other_seed are both seeds"),
        (
            [run(1.0, lr=1, seed="a"), run(2.0, lr=2, seed=1)],
            {},
            "seed is the seed, but the run 00000000000000000000000000000000 (run 0) says a. Delete",
        ),
        (
            [run(1.0, lr=1), run(2.0, lr=2), run(3.0, lr=2, seed=1)],
            {},
            "the run 00000000000000000000000000000000 (run 0) has none, as do 1 others. Delete",
        ),
    ],
)
def test_experiments_that_do_not_fit(
    rows: list[dict[str, Any]], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as caught:
        read(rows, **options)
    assert words in str(caught.value)
