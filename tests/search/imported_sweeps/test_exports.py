"""One search as five programs export it is one sweep: the same parameters, values and seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labs.exported_runs import EXPORTS, PARAMETERS, ROWS, SEEDED, runs, times
from latentlab.search.imported_sweeps.source import ImportedSweep, read_imported_sweep
from latentlab.search.table import SweepTable


def read(folder: Path, program: str) -> SweepTable:
    EXPORTS[program](folder / "export.csv")
    objective = "value" if program == "optuna" else "val_acc"
    chosen = ImportedSweep(source="export.csv", objective=objective)
    return read_imported_sweep(chosen, folder, pytest.fail)


@pytest.mark.parametrize("program", EXPORTS)
def test_parameters_seeds_and_values_are_what_was_run(tmp_path: Path, program: str) -> None:
    table = read(tmp_path, program)
    assert sorted(table.space.parameters) == PARAMETERS
    assert not table.space.fixed
    assert len(table.outcomes) == ROWS // SEEDED
    assert len(table.replicates) == ROWS
    each = runs().groupby("lr")["val_acc"].mean()
    found = dict(zip(table.parameters["lr"], table.outcomes[table.objective.name], strict=True))
    assert found == pytest.approx(each.to_dict())
    assert table.space.parameters["max_depth"].choices == (2, 8, "null")
    assert (table.outcomes["state"] == "complete").all()


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("wandb", ["for bookkeeping, not for parameters: Notes, User", "val_loss, zeta"]),
        ("mlflow", ["names of runs, not for parameters: Run ID, Name", "train_loss, val_loss"]),
        ("optuna", ["columns beside params_* are left out: ", "state of the runs"]),
        (
            "pandas",
            ["names of runs, not for parameters: trial, git_sha", "bookkeeping", "wall_time"],
        ),
        ("excel", ["names of runs, not for parameters: Nr", "outcomes, not for parameters: acc"]),
    ],
)
def test_it_is_said_what_was_taken_as_what(tmp_path: Path, program: str, told: list[str]) -> None:
    notes = "\n".join(read(tmp_path, program).notes)
    assert all(words in notes for words in told), notes


def test_without_seeds_and_order_names_and_values_say_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "Name": [f"brisk-otter-{k}" for k in range(24)],
            "State": ["finished"] * 22 + ["crashed", "running"],
            "Created": times(7),
            "Runtime": np.arange(300, 324),
            "lr": np.round(10 ** rng.uniform(-4, -1, 24), 8),
            "depth": np.resize([1, 2, 4], 24),
            "dropout": np.resize([0, 0.1], 24),
            "train_loss": np.round(rng.uniform(size=24), 3),
            "val_loss": np.round(rng.uniform(size=24), 3),
            "best_epoch": rng.integers(3, 19, 24),
            "val_acc": np.round(rng.uniform(size=24), 3),
        }
    )
    frame.to_csv(tmp_path / "export.csv", index=False)
    chosen = ImportedSweep(source="export.csv", objective="val_acc")
    table = read_imported_sweep(chosen, tmp_path, pytest.fail)
    assert list(table.space.parameters) == ["lr", "depth", "dropout"]
    assert table.outcomes["state"].tolist() == ["complete"] * 22 + ["failed"]
    told = [
        "State is taken for the state of the runs",
        "taken for names of runs, not for parameters: Name",
        "taken for bookkeeping, not for parameters: Created, Runtime",
        "taken for outcomes, not for parameters: train_loss, val_loss, best_epoch",
    ]
    assert set(told) <= set(table.notes)
