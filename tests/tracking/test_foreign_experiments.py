"""Experiments of MLflow that strangers made: what is read, and verdicts written into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Metric, Param
from sklearn.naive_bayes import GaussianNB

from labs.table_imports import never
from labs.trackers import csv, mlflow_store, table
from latentlab.core.errors import UserError
from latentlab.runs.judging.judged import judge_runs
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.search.auditing import audit_source
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
    # Every score is read, and what was written back is none.
    audited = audit_source(EvidenceSettings(source=f"mlflow:{store}"), tmp_path, runs_of)
    assert audited.said[0] == "18 runs of mine, 2 scores: test_acc, train_loss."


def test_a_store_that_cannot_be_written_is_refused_before_anything_is_judged(store: str) -> None:
    with pytest.raises(UserError, match=r"theirs is no experiment.*write_back"):
        client_to_write(store.replace("#mine", "#theirs"))
    with pytest.raises(UserError, match=r"mine\+theirs is several experiments"):
        client_to_write(store + "+theirs")
    with pytest.raises(UserError, match=r"mlruns is a folder of runs"):
        client_to_write("mlruns#mine")


def test_an_experiment_as_strangers_have_it(store: str, tmp_path: Path) -> None:
    """scikit-learn's autolog, searches around nested runs, words, a metric that is missing."""
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("digits")
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    for arm, effect in (("baseline", 0.0), ("smooth", 0.3)):
        with mlflow.start_run(experiment_id=experiment) as search:
            with mlflow.start_run(experiment_id=experiment, nested=True) as first:
                GaussianNB().fit(x, y)
            fitted = client.get_run(first.info.run_id).data.params
            parent = {"mlflow.parentRunId": search.info.run_id}
            for seed in range(5):
                # Autolog's own run, and others as it writes them.
                run = first if seed == 0 else client.create_run(experiment, tags=parent)
                said = {"model": arm, "seed": str(seed), "note": "as it is"}
                said |= {} if seed == 0 else fitted
                score = Metric("test_acc", 0.5 + effect + 0.01 * (seed * 7 % 5), 1, 0)
                missing = (arm, seed) == ("smooth", 3)
                parameters = [Param(name, value) for name, value in said.items()]
                client.log_batch(run.info.run_id, [] if missing else [score], parameters)
                client.set_terminated(run.info.run_id)
        lost = client.create_run(experiment).info.run_id
        client.log_batch(lost, params=[Param("model", arm), Param("seed", "4")])
        client.set_terminated(lost, "FAILED")
    mlflow.sklearn.autolog(disable=True)
    chosen = EvidenceSettings(source="mlflow:digits", metric="test_acc", arm="model")
    found = judge_runs(chosen, tmp_path, runs_of)
    (row,) = found.verdicts.to_dict("records")
    # The run without its score takes its seed out of the pairs.
    assert (row["treatment"], row["n"], row["test"]) == ("smooth", 4, "paired_t")
    said = " ".join(found.said)
    assert "2 runs without parameters are left out" in said
    assert "run again: 2 runs that did not finish" in said
