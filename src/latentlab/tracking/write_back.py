"""Writes verdicts on runs of an MLflow experiment into that experiment, as a run beside them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.setting_names import setting
from latentlab.tracking.experiments import TOGETHER, located
from latentlab.tracking.flatten import mlflow_key
from latentlab.tracking.store_address import is_folder, project_root
from latentlab.tracking.store_creation import check_schema, opened

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_NAME = "verdicts"
_METRICS = ("effect", "interval_low", "interval_high", "p_supported_adjusted", "n")
_TAGS = ("verdict", "status", "status_reason", "question", "metric", "split", "test", "unit")
_LONGEST_TAG = 5000


def client_to_write(source: str) -> tuple[MlflowClient, str]:
    """Return a client of the store that an experiment is in, and the experiment's id.

    Args:
        source: as `experiments.runs_of` takes it.

    Raises:
        UserError: the store cannot be written as it is, or several experiments were read.
    """
    from mlflow import MlflowClient

    store, name = located(source)
    if store is not None and is_folder(store):
        path = project_root() / store.removeprefix("file://")
        store = f"sqlite:///{path}" if path.is_file() else store
    if store is not None and is_folder(store):
        raise UserError(
            f"{store} is a folder of runs, and this MLflow writes none",
            f"Leave {setting('write_back')} out, or move the runs to a database.",
        )
    if store is not None and not store.startswith(("http", "databricks")):
        with opened(store) as engine:
            check_schema(engine, store)
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        what = "is several experiments" if TOGETHER in name else "is no experiment"
        raise UserError(
            f"{name} {what}, and verdicts are written into one",
            f"Leave {setting('write_back')} out.",
        )
    return client, str(experiment.experiment_id)


def write_back(source: str, verdicts: pd.DataFrame) -> str:
    """Write verdicts as tags and intervals as metrics of a new run; return its id.

    The run has no parameters, so that whoever reads the experiment again leaves it out.

    Args:
        source: the experiment that was read, as `experiments.runs_of` takes it.
        verdicts: one row per claim.

    Raises:
        UserError: as `client_to_write`.
    """
    client, experiment = client_to_write(source)
    tags: dict[str, str] = {}
    for row in verdicts.to_dict("records"):
        tags |= {_key(row, column): str(row[column])[:_LONGEST_TAG] for column in _TAGS}
    run = client.create_run(experiment, run_name=RUN_NAME, tags=tags)
    for row in verdicts.to_dict("records"):
        for column in _METRICS:
            value = row[column]
            if not pd.isna(value) and math.isfinite(value):
                client.log_metric(run.info.run_id, _key(row, column), float(value))
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def _key(row: Mapping[Hashable, Any], column: str) -> str:
    return mlflow_key(f"{row['hypothesis']}.{column}")
