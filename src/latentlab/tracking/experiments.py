"""Runs of an experiment, for analyses of what was tracked here or elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.importers.picking import Pick
from latentlab.runs.importers.sqlite_copies import copied_sqlite
from latentlab.tracking.sessions import TAG as SESSION
from latentlab.tracking.store_address import is_folder, project_root, sqlite_path
from latentlab.tracking.store_creation import check_schema, opened, upgrade_copy

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

AT, TOGETHER = "#", "+"
"""Part the address of a store from the name of an experiment in it, and names of several."""

EXPERIMENT = "experiment"
"""The parameter that tells the runs of several experiments apart."""


def runs_of(source: str, picks: Mapping[str, Pick] = MappingProxyType({})) -> pd.DataFrame:
    """All runs of an experiment, with the columns of `mlflow.search_runs`.

    Runs of a pipeline of this laboratory are left out: they sum up trials, which have their own.

    Args:
        source: the name of an experiment of the tracking store, or `<store>#<experiment>` for one
            of another store: a folder such as `mlruns`, a SQLite file, a database, a server. It is
            not changed, whatever version of MLflow wrote it. `a+b` is two experiments, which the
            parameter `experiment` tells apart.
        picks: metrics whose value is picked from all that were logged, instead of the last.

    Raises:
        UserError: there is no such store or experiment.
    """
    from mlflow import MlflowClient

    store, experiment = located(source)
    if store is None:
        return _runs(MlflowClient(), experiment, "the tracking store", picks)
    with _client_of(store) as client:
        return _runs(client, experiment, store, picks)


def located(source: str) -> tuple[str | None, str]:
    """Return the store that is named, none where it is the tracking store, and the experiment."""
    import mlflow

    store, _, experiment = source.rpartition(AT)
    if not store or mlflow.get_experiment_by_name(source) is not None:
        return None, source
    return store, experiment


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


def _runs(client: MlflowClient, name: str, where: str, picks: Mapping[str, Pick]) -> pd.DataFrame:
    experiments = _experiments(client, name, where)
    rows, token = [], None
    while True:
        page = client.search_runs(list(experiments), page_token=token)
        rows += [
            {
                "run_id": run.info.run_id,
                "run_name": run.info.run_name,
                "status": run.info.status,
                "start_time": run.info.start_time,
                "end_time": run.info.end_time,
                **{f"params.{key}": value for key, value in run.data.params.items()},
                **_told_apart(run, experiments),
                **{f"metrics.{key}": value for key, value in run.data.metrics.items()},
                **{
                    f"metrics.{key}": _picked(client, run.info.run_id, key, pick)
                    for key, pick in picks.items()
                    if key in run.data.metrics
                },
                **{f"tags.{key}": value for key, value in run.data.tags.items()},
            }
            for run in page
            if SESSION not in run.data.tags
        ]
        token = page.token
        if not token:
            break
    columns = ["run_id", "run_name", "status", "start_time", "end_time"]
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    for column in ("start_time", "end_time"):
        frame[column] = pd.to_datetime(frame[column], unit="ms", utc=True)
    return frame


def _told_apart(run: Run, experiments: Mapping[str, str]) -> dict[str, str]:
    """Return the parameter that says which of several experiments a run is of, beside its own."""
    if len(experiments) == 1 or not run.data.params:
        return {}
    return {f"params.{EXPERIMENT}": experiments[run.info.experiment_id]}


def _experiments(client: MlflowClient, names: str, where: str) -> dict[str, str]:
    """Id -> name of an experiment, or of several that are joined by a +.

    Raises:
        UserError: one is not there.
    """
    whole = client.get_experiment_by_name(names)
    found = {name: client.get_experiment_by_name(name) for name in names.split(TOGETHER)}
    if whole is not None:
        found = {names: whole}
    missing = [name for name, experiment in found.items() if experiment is None]
    if missing:
        known = sorted(one.name for one in client.search_experiments())
        raise UserError(
            f"There is no experiment {', '.join(missing)} in {where}",
            f"Those that are there: {', '.join(known) or 'none'}.",
        )
    return {one.experiment_id: name for name, one in found.items() if one is not None}


def _picked(client: MlflowClient, run: str, key: str, pick: Pick) -> float:
    logged = client.get_metric_history(run, key)
    return pick([one.step for one in logged], [one.value for one in logged])
