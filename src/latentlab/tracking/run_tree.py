"""The run tree: a Kedro run is the parent, every trial a child, written in batches.

A call of MLflow's client per point costs 16 ms on SQLite, a batch of a thousand 0.1 ms a point, so
nothing here logs a single value.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from latentlab.tracking.flatten import flatten

METRICS_PER_BATCH, OTHERS_PER_BATCH = 900, 100
HISTORY_POINTS = 100
"""Longest history of one score that is logged; longer ones are thinned evenly."""

T = TypeVar("T")


class RunTree:
    """Writes the children of one parent run.

    Args:
        client: of the tracking store.
        parent: id of the parent run.
        git_sha: commit of the working tree.
    """

    def __init__(self, client: MlflowClient, parent: str, git_sha: str) -> None:
        self._client = client
        self.parent = parent
        self._experiment = client.get_run(parent).info.experiment_id
        self._git_sha = git_sha
        self._children: dict[tuple[str, str], str] = {}
        self._unwritten: dict[str, list[Param]] = {}

    def log_parameters(self, parameters: Mapping[str, str]) -> None:
        """Flat parameters of the parent."""
        for part in _parts([Param(k, v) for k, v in parameters.items()], OTHERS_PER_BATCH):
            self._client.log_batch(self.parent, params=part)

    def log_trials(self, study: str, trials: pd.DataFrame, config_digest: str) -> None:
        """Create a finished child for every trial; diverged ones are outcomes, not failures.

        Their parameters wait for their first scores: one call for both costs a child less than two.
        """
        for row in trials.to_dict("records"):
            started = datetime.fromisoformat(row["started_at"])
            tags = {
                MLFLOW_PARENT_RUN_ID: self.parent,
                "study": study,
                "arm": row["arm"],
                "seed": str(row["seed"]),
                "trial_id": row["trial_id"],
                "status": row["status"],
                "outcome": row["outcome"],
                "plan": row["plan"],
                "device": row["device"],
                "git_sha": self._git_sha,
                "config_digest": config_digest,
                "reused": str(bool(row["reused"])).lower(),
            }
            if row["status"] == "diverged":
                tags["diverged_at"] = str(int(row["diverged_at"]))
            run = self._client.create_run(
                self._experiment,
                start_time=int(started.timestamp() * 1000),
                tags=tags,
                run_name=f"{row['arm']} s{row['seed']}",
            )
            config = json.loads(row["config"])
            parameters = {"seed": str(row["seed"]), "arm": row["arm"]} | flatten(config, study)
            self._unwritten[run.info.run_id] = [Param(k, v) for k, v in parameters.items()]
            ended = datetime.fromisoformat(row["finished_at"])
            self._client.set_terminated(
                run.info.run_id, "FINISHED", end_time=int(ended.timestamp() * 1000)
            )
            self._children[row["trial_id"], row["arm"]] = run.info.run_id

    def log_history(self, history: pd.DataFrame) -> None:
        """Scores per epoch of every child, thinned, with the training step as MLflow's step."""
        now = _now()
        for key, rows in history.groupby(["trial_id", "arm"], sort=False):
            points = [
                Metric(str(metric), float(value), now, int(step))
                for metric, group in rows.groupby("metric", sort=False)
                for value, step in zip(
                    *(_thinned(group[name].tolist()) for name in ("value", "step")), strict=True
                )
            ]
            self._log_metrics(key, points)

    def log_scores(self, scores: pd.DataFrame) -> None:
        """Final scores of every child, named `<split>.<metric>`."""
        now = _now()
        for key, rows in scores.groupby(["trial_id", "arm"], sort=False):
            points = [
                Metric(f"{split}.{metric}", float(value), now, 0)
                for split, metric, value in rows[["split", "metric", "value"]].itertuples(
                    index=False, name=None
                )
            ]
            self._log_metrics(key, points)

    def log_folders(self, folders: Mapping[str, Path]) -> None:
        """Files of trials, by trial id."""
        for (trial_id, _), run in self._children.items():
            if trial_id in folders:
                self._client.log_artifacts(run, str(folders[trial_id]))

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or a folder's content, of the parent."""
        if path.is_dir():
            self._client.log_artifacts(self.parent, str(path), folder)
        else:
            self._client.log_artifact(self.parent, str(path), folder)

    def log_verdicts(self, study: str, verdicts: pd.DataFrame, prefix: str = "verdict") -> None:
        """Each verdict as a tag of the parent, so that runs can be searched by it."""
        self.log_tags(
            {
                f"{prefix}.{study}.{row['hypothesis']}": str(row["verdict"])
                for row in verdicts.to_dict("records")
            }
        )

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Tags of the parent."""
        entities = [RunTag(name, value) for name, value in tags.items()]
        for part in _parts(entities, OTHERS_PER_BATCH):
            self._client.log_batch(self.parent, tags=part)

    def log_rest(self) -> None:
        """What still waits for scores, of children that had none."""
        for run in list(self._unwritten):
            self._log(run, [])

    @property
    def has_children(self) -> bool:
        """Whether trials were written."""
        return bool(self._children)

    def child(self, trial_id: str) -> str | None:
        """The run of a trial, if it has one under this parent."""
        return next((run for (i, _), run in self._children.items() if i == trial_id), None)

    def _log_metrics(self, key: Any, points: Sequence[Metric]) -> None:
        run = self._children.get(key)
        if run is not None:
            self._log(run, points)

    def _log(self, run: str, points: Sequence[Metric]) -> None:
        """Metrics of a child, with the parameters that wait."""
        parameters = _parts(self._unwritten.pop(run, []), OTHERS_PER_BATCH)
        metrics = _parts(points, METRICS_PER_BATCH)
        for some, others in zip_longest(metrics, parameters, fillvalue=()):
            self._client.log_batch(run, metrics=some, params=others)


def _thinned(values: list[Any]) -> list[Any]:
    """At most `HISTORY_POINTS` values, evenly spaced, the first and the last among them."""
    if len(values) <= HISTORY_POINTS:
        return values
    last = len(values) - 1
    return [values[i * last // (HISTORY_POINTS - 1)] for i in range(HISTORY_POINTS)]


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _now() -> int:
    return int(time.time() * 1000)
