"""One search as five programs export it is one sweep: the same parameters, values and seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.exported_runs import EXPORTS, PARAMETERS, ROWS, SEEDED, runs
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
    assert table.space.parameters["max_depth"].choices == (2, 8, "null")  # type: ignore[union-attr]
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
