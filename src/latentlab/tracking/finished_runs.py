"""Runs of studies that have ended, with what was configured, scored and decided in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from latentlab.core.errors import UserError
from latentlab.core.validation import nearest
from latentlab.reporting.formatting import plural
from latentlab.reporting.run_comparison import FinishedRun
from latentlab.studies.registry import STUDIES
from latentlab.tracking.store_address import tracking_uri
from latentlab.tracking.store_creation import prepare_store

if TYPE_CHECKING:
    from mlflow.entities import Run

_ID = re.compile(r"[0-9a-f]{32}")
_BEFORE = re.compile(r"(?P<study>.+?)(?:~(?P<back>\d+))?")
MODEL_FACTS = ("study", "shape", "classes", "scale", "parts")
"""What the registered model is told of its study.

MLflow has it among the parameters of the run that registered the model; no settings are so called.
"""
_TABLES = ("verdicts.csv", "comparison.csv")


def finished_run(reference: str) -> FinishedRun:
    """Return a run of a study.

    Args:
        reference: the run's id; or `STUDY`, its last run that reached its verdicts, and `STUDY~1`,
            the one before.

    Raises:
        UserError: there is no such run, or it has no verdicts.
    """
    prepare_store(tracking_uri())
    mlflow.set_tracking_uri(tracking_uri())
    client = mlflow.MlflowClient()
    run = _by_id(client, reference) if _ID.fullmatch(reference) else _latest(client, reference)
    with TemporaryDirectory() as folder:
        tables = [
            pd.read_csv(client.download_artifacts(run.info.run_id, name, folder))
            for name in _TABLES
        ]
    settings = {key: text for key, text in run.data.params.items() if key not in MODEL_FACTS}
    return FinishedRun(run.info.run_id, f"{run.info.run_name}", settings, tables[0], tables[1])


def _by_id(client: mlflow.MlflowClient, run_id: str) -> Run:
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise UserError(f"There is no run {run_id}", "Take its id from MLflow's page") from error
    if not _has_verdicts(client, run):
        raise UserError(
            f"The run {run_id} has no verdicts",
            "Name the run of a study that ended, the parent of its trials",
        )
    return run


def _latest(client: mlflow.MlflowClient, reference: str) -> Run:
    found = _BEFORE.fullmatch(reference)
    assert found is not None
    study, back = found["study"], int(found["back"] or 0)
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        # Other experiments, such as that of runs that were judged, have no runs to compare.
        there = [one.name for one in client.search_experiments() if one.name in STUDIES]
        if study in STUDIES or not there:
            remedy = f"Run it first: kedro run --pipelines {study if study in STUDIES else 'STUDY'}"
            raise UserError(f"There is no experiment {study}", remedy)
        raise UserError(f"There is no experiment {study}", nearest(study, there))
    ended = list(_ended(client, experiment.experiment_id, back + 1))
    if len(ended) <= back:
        raise UserError(
            f"{study} has {plural(len(ended), 'run')} with verdicts, so there is no {reference}",
            f"kedro run --pipelines {study} makes another",
        )
    return ended[back]


def _ended(client: mlflow.MlflowClient, experiment: str, count: int) -> Iterator[Run]:
    """Yield runs with verdicts, the last first."""
    token = None
    while count:
        page = client.search_runs(
            [experiment], "attributes.status = 'FINISHED'", page_token=token, max_results=1000
        )
        for run in page:
            if "mlflow.parentRunId" not in run.data.tags and _has_verdicts(client, run):
                yield run
                count -= 1
                if not count:
                    return
        token = page.token
        if not token:
            return


def _has_verdicts(client: mlflow.MlflowClient, run: Run) -> bool:
    return set(_TABLES) <= {Path(file.path).name for file in client.list_artifacts(run.info.run_id)}
