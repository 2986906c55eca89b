"""Verdicts that are written into the experiment that was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from labs.table_imports import never
from labs.trackers import csv, mlflow_store, table
from latentlab.core.errors import UserError
from latentlab.runs.judging.judged import judge_runs
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.tracking.experiments import runs_of
from latentlab.tracking.write_back import client_to_write, write_back


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    address = f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"
    mlflow.set_tracking_uri(address)
    mlflow_store(table(), address)
    yield f"{address}#mine"
    mlflow.set_tracking_uri(None)


def test_verdicts_are_a_run_that_is_no_run_of_the_experiment(store: str, tmp_path: Path) -> None:
    chosen = EvidenceSettings(source=f"mlflow:{store}", metric="test_acc")
    first = judge_runs(chosen, tmp_path, runs_of).verdicts
    # A real store gives what a table gives, to the last digit.
    from_csv = judge_runs(EvidenceSettings(source=csv(table(), tmp_path)), tmp_path, never).verdicts
    pd.testing.assert_frame_equal(first, from_csv, check_exact=True)
    run = mlflow.MlflowClient(store.partition("#")[0]).get_run(write_back(store, first))
    row = first.set_index("hypothesis").loc["wide"]
    assert run.data.tags["wide.verdict"] == row["verdict"]
    assert run.data.tags["wide.status"] == "exploratory"
    assert run.data.metrics["wide.interval_low"] == row["interval_low"]
    assert run.info.status == "FINISHED"
    again = judge_runs(chosen, tmp_path, runs_of)
    pd.testing.assert_frame_equal(again.verdicts, first, check_exact=True)
    assert "1 runs without parameters are left out." in again.said


def test_a_store_that_cannot_be_written_is_refused_before_anything_is_judged(store: str) -> None:
    with pytest.raises(UserError, match=r"theirs is no experiment.*write_back"):
        client_to_write(store.replace("#mine", "#theirs"))
    with pytest.raises(UserError, match=r"mine\+theirs is several experiments"):
        client_to_write(store + "+theirs")
    with pytest.raises(UserError, match=r"mlruns is a folder of runs"):
        client_to_write("mlruns#mine")
