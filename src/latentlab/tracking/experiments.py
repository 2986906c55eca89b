"""Runs of an experiment, for analyses of what was tracked here or elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.importers.sqlite_copies import copied_sqlite
from latentlab.tracking.store_address import is_folder, project_root, sqlite_path
from latentlab.tracking.store_creation import check_schema, opened, upgrade_copy

if TYPE_CHECKING:
    from mlflow import MlflowClient

AT = "#"
"""Parts the address of a store from the name of an experiment in it."""


def runs_of(source: str) -> pd.DataFrame:
    """All runs of an experiment, with the columns of `mlflow.search_runs`.

    Args:
        source: the name of an experiment of the tracking store, or `<store>#<experiment>` for one
            of another store: a folder such as `mlruns`, a SQLite file, a database, a server. It is
            not changed, whatever version of MLflow wrote it.

    Raises:
        UserError: there is no such store or experiment.
    """
    import mlflow

    store, _, experiment = source.rpartition(AT)
    if not store or mlflow.get_experiment_by_name(source) is not None:
        return _runs(mlflow.MlflowClient(), source, "the tracking store")
    with _client_of(store) as client:
        return _runs(client, experiment, store)


@contextmanager
def _client_of(store: str) -> Iterator[MlflowClient]:
    """A client of somebody else's store; of files it reads a copy, since MLflow changes them."""
    from mlflow import MlflowClient

    path = sqlite_path(store)
    if path is None and is_folder(store):
        # A path may be that of a folder or of a SQLite file.
        path = project_root() / store.removeprefix("file://")
        if path.is_dir():
            with _copied_folder(path, store) as folder:
                yield MlflowClient(folder.as_uri())
            return
    if path is None:
        if not store.startswith(("http", "databricks")):
            with opened(store) as engine:
                check_schema(engine, store)
        yield MlflowClient(store)
        return
    if not path.is_file():
        raise UserError(
            f"There is no MLflow store at {store}",
            "Give a folder such as mlruns, a SQLite file, or a server's address before the #.",
        )
    with copied_sqlite(path) as copy:
        uri = f"sqlite:///{copy}"
        with opened(uri, store) as engine:
            upgrade_copy(engine, store)
        yield MlflowClient(uri)


@contextmanager
def _copied_folder(path: Path, store: str) -> Iterator[Path]:
    """A copy of what a folder of runs says of them, without their files."""
    if not any(path.glob("*/meta.yaml")):
        raise UserError(
            f"{store} is no MLflow store: no folder in it has a meta.yaml",
            "Give the folder that holds the experiments, as a rule called mlruns.",
        )
    allowed = os.environ.get("MLFLOW_ALLOW_FILE_STORE")
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    try:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "mlruns"
            shutil.copytree(path, copy, ignore=shutil.ignore_patterns("artifacts", "models"))
            yield copy
    finally:
        os.environ.pop("MLFLOW_ALLOW_FILE_STORE")
        if allowed is not None:
            os.environ["MLFLOW_ALLOW_FILE_STORE"] = allowed


def _runs(client: MlflowClient, name: str, where: str) -> pd.DataFrame:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        known = sorted(found.name for found in client.search_experiments())
        raise UserError(
            f"There is no experiment {name} in {where}",
            f"Those that are there: {', '.join(known) or 'none'}.",
        )
    rows, token = [], None
    while True:
        page = client.search_runs([experiment.experiment_id], page_token=token)
        rows += [
            {
                "run_id": run.info.run_id,
                "run_name": run.info.run_name,
                "status": run.info.status,
                "start_time": run.info.start_time,
                "end_time": run.info.end_time,
                **{f"params.{key}": value for key, value in run.data.params.items()},
                **{f"metrics.{key}": value for key, value in run.data.metrics.items()},
                **{f"tags.{key}": value for key, value in run.data.tags.items()},
            }
            for run in page
        ]
        token = page.token
        if not token:
            break
    columns = ["run_id", "run_name", "status", "start_time", "end_time"]
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    for column in ("start_time", "end_time"):
        frame[column] = pd.to_datetime(frame[column], unit="ms", utc=True)
    return frame
