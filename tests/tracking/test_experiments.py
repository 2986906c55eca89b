"""Experiments of this store and of others, which are read and not changed."""

from __future__ import annotations

import hashlib
import math
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from alembic import command
from mlflow.entities import Metric, Param
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
from sqlalchemy import create_engine

from labs.project_copies import copy_project
from latentlab.core.errors import UserError
from latentlab.runs.importers.mlflow import import_mlflow
from latentlab.runs.importers.picking import pick_of
from latentlab.tracking.experiments import runs_of

OLDER = "97727af70f4d"
"""The schema of MLflow 2.0."""


@pytest.fixture
def tracking_store(tmp_path: Path) -> Iterator[Path]:
    """The store of the project, with an experiment `ours`."""
    project = copy_project(tmp_path / "project")
    mlflow.set_tracking_uri(f"sqlite:///{project.root / 'mlflow.db'}")
    fill(mlflow.MlflowClient(), "ours", tmp_path)
    yield project.root / "mlflow.db"
    mlflow.set_tracking_uri(None)


def fill(client: mlflow.MlflowClient, name: str, folder: Path) -> None:
    experiment = client.create_experiment(name, (folder / "files").as_uri())
    for rate in ("0.1", "None"):
        run = client.create_run(experiment, run_name=rate).info.run_id
        client.log_batch(run, [Metric("loss", 0.5, 1, 0)], [Param("rate", rate)])
        client.set_terminated(run)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read_both(source: str) -> pd.DataFrame:
    found = runs_of(source)
    assert set(found["status"]) == {"FINISHED"}
    assert sorted(found["params.rate"]) == ["0.1", "None"]
    assert found["metrics.loss"].tolist() == [0.5, 0.5]
    runs = import_mlflow(found, ["loss"], source)
    assert runs.name == source.rpartition("#")[2]
    assert (runs.seconds < 60).all()
    return found


def test_any_value_of_a_metric_counts_and_experiments_are_read_together(
    tracking_store: Path,
) -> None:
    client = mlflow.MlflowClient()
    for experiment, best in (("one", 0.9), ("two", 0.8)):
        run = client.create_run(client.create_experiment(experiment)).info.run_id
        values = zip((0, 1, 2), (0.1, best, 0.5), strict=True)
        client.log_batch(run, [Metric("acc", v, 1, s) for s, v in values], [Param("rate", "1")])
        client.set_terminated(run)

    def read(value: str | int) -> dict[str, float]:
        found = runs_of("one+two", {"acc": pick_of("acc", value, None, "evidence")})
        return dict(zip(found["params.experiment"], found["metrics.acc"], strict=True))

    assert read("best") == {"one": 0.9, "two": 0.8}
    assert read("last") == {"one": 0.5, "two": 0.5}
    assert read(0) == {"one": 0.1, "two": 0.1}
    assert all(map(math.isnan, read(7).values()))
    with pytest.raises(UserError, match=r"no experiment three, four in the tracking store"):
        runs_of("one+three+four")


def test_what_a_pipeline_sums_up_is_neither_a_run_nor_a_metric(tracking_store: Path) -> None:
    client = mlflow.MlflowClient()
    ours = client.get_experiment_by_name("ours").experiment_id
    run = client.create_run(ours, tags={"latentlab.session": "abc"}).info.run_id
    client.log_batch(run, [Metric("study.test.loss.mean/a", 0.5, 1, 0)], [Param("rate", "2")])
    client.set_terminated(run)
    assert "metrics.study.test.loss.mean/a" not in read_both("ours")


def test_an_experiment_of_the_tracking_store(tracking_store: Path) -> None:
    read_both("ours")
    with pytest.raises(UserError, match=r"no experiment mine in the tracking store.*ours"):
        runs_of("mine")


def test_a_folder_of_runs_is_read_and_not_changed(
    tracking_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "theirs" / "mlruns"
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        fill(mlflow.MlflowClient(folder.as_uri()), "digits", folder)
    shutil.rmtree(folder / ".trash")
    before = digests(folder.parent)
    for address in (str(folder), folder.as_uri()):
        read_both(f"{address}#digits")
    assert digests(folder.parent) == before
    assert not (folder / ".trash").exists()
    with pytest.raises(UserError, match="no experiment x in"):
        runs_of(f"{folder}#x")
    with pytest.raises(UserError, match=r"no folder in it has a meta\.yaml"):
        runs_of(f"{folder.parent}#digits")


@pytest.mark.parametrize("log", [False, True])
def test_an_older_database_is_read_and_not_changed(
    tracking_store: Path, tmp_path: Path, log: bool
) -> None:
    theirs = tmp_path / "theirs" / "store.db"
    theirs.parent.mkdir()
    connection = older_store(theirs)
    if log:
        # What is in a write-ahead log counts too.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE experiments SET name = 'digits'")
        connection.commit()
    before = digests(theirs.parent)
    for address in (str(theirs), f"sqlite:///{theirs}"):
        read_both(f"{address}#{'digits' if log else 'ours'}")
        assert digests(theirs.parent) == before
    connection.execute("UPDATE alembic_version SET version_num = 'unheardof'")
    connection.commit()
    with pytest.raises(UserError, match="a later version of MLflow"):
        runs_of(f"{theirs}#ours")
    connection.close()


def older_store(path: Path) -> sqlite3.Connection:
    """A store as an earlier version of MLflow made it, with two runs."""
    engine = create_engine(f"sqlite:///{path}")
    InitialBase.metadata.create_all(engine)
    config = utils._get_alembic_config("")
    with engine.begin() as shared:
        config.attributes["connection"] = shared
        command.upgrade(config, OLDER)
    engine.dispose()
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage) "
        "VALUES (7, 'ours', 'active')"
    )
    for run, rate in (("a" * 32, "0.1"), ("b" * 32, "None")):
        connection.execute(
            "INSERT INTO runs (run_uuid, name, experiment_id, status, lifecycle_stage, start_time, "
            "end_time, user_id) VALUES (?, 'x', 7, 'FINISHED', 'active', 1000, 2000, 'me')",
            (run,),
        )
        connection.execute(
            "INSERT INTO params (key, value, run_uuid) VALUES ('rate', ?, ?)", (rate, run)
        )
        for table in ("metrics", "latest_metrics"):
            connection.execute(
                f"INSERT INTO {table} (key, value, timestamp, step, is_nan, run_uuid) "
                "VALUES ('loss', 0.5, 1, 0, 0, ?)",
                (run,),
            )
    connection.commit()
    return connection


def test_what_is_no_store(tracking_store: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE customers (name)")
    before = digests(tmp_path)
    for store, words in (
        (str(tmp_path / "other.db"), "no store of MLflow: it holds customers"),
        (str(tmp_path / "nothing.db"), "There is no MLflow store at"),
        ("nothing://host/store", "cannot be read"),
    ):
        with pytest.raises(UserError, match=words):
            runs_of(f"{store}#ours")
    assert digests(tmp_path) == before
