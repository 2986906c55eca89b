"""Which reader a source is given to, and what is said where there is none."""

import pandas as pd
import pytest

from latentlab.core.errors import UserError
from latentlab.search.imported_sweeps.source import ImportedSweep, read_imported_sweep


def never(name):
    raise AssertionError(f"the tracking store was asked for {name}")


def test_no_source_is_a_mistake_with_an_example(tmp_path):
    with pytest.raises(UserError, match=r"analysis.source names no sweep.*--params"):
        read_imported_sweep(ImportedSweep(), tmp_path, never)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.csv"):
        read_imported_sweep(ImportedSweep(source="none.csv"), tmp_path, never)


def test_a_csv_is_read_relative_to_the_project(tmp_path):
    pd.DataFrame({"rate": [0.1, 0.2, 0.3], "value": [1.0, 2.0, 3.0]}).to_csv(
        tmp_path / "trials.csv", index=False
    )
    table = read_imported_sweep(ImportedSweep(source="trials.csv", constant=1.0), tmp_path, never)
    assert table.name == "trials"
    assert table.objective.constant == 1.0
    assert len(table.outcomes) == 3


def test_an_experiment_is_asked_for_by_its_name(tmp_path):
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b"],
            "status": ["FINISHED", "FINISHED"],
            "params.rate": ["0.1", "0.2"],
            "metrics.accuracy": [0.5, 0.6],
            "start_time": pd.to_datetime(["2026-01-01", "2026-01-01"]),
            "end_time": pd.to_datetime(["2026-01-02", "2026-01-02"]),
        }
    )
    asked = []

    def found(name):
        asked.append(name)
        return runs

    chosen = ImportedSweep(source="mlflow:mine", objective="accuracy")
    table = read_imported_sweep(chosen, tmp_path, found)
    assert asked == ["mine"]
    assert table.outcomes["accuracy"].tolist() == [0.5, 0.6]
