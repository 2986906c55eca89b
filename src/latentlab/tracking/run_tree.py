"""The run tree: a Kedro run is the parent, every trial that it trained a child, written in batches.

A trial that an earlier run logged is linked: it has one run in the experiment, under the run that
trained it, and `trials.csv` of every parent names the runs of all its trials.

A call of MLflow's client per point costs 16 ms on SQLite, a batch of a thousand 0.1 ms a point, so
nothing here logs a single value.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS, MLFLOW_PARENT_RUN_ID

from latentlab.tracking.flatten import flatten, mlflow_key
from latentlab.tracking.outbox import Child, ChildKey, Outbox, known_children

METRICS_PER_BATCH, OTHERS_PER_BATCH = 900, 100
HISTORY_POINTS = 100
"""Longest history of one score that is logged; longer ones are thinned evenly."""

T = TypeVar("T")


class RunTree:
    """Writes the children of one parent run.

    Args:
        outbox: takes the writes.
        parent: id of the parent run.
        experiment: id of its experiment.
        git_sha: commit of the working tree.
    """

    def __init__(self, outbox: Outbox, parent: str, experiment: str, git_sha: str) -> None:
        self._outbox = outbox
        self.parent = parent
        self._experiment = experiment
        self._git_sha = git_sha
        self._children: dict[tuple[str, str], str] = {}
        self._of_study: dict[str, list[str]] = {}
        self._rows: list[list[str]] = []
        self._unwritten: dict[str, list[Param]] = {}
        self._logged: dict[str, Mapping[str, float]] = {}

    def log_parameters(self, parameters: Mapping[str, str]) -> None:
        """Flat parameters of the parent."""
        for part in _parts([Param(k, v) for k, v in parameters.items()], OTHERS_PER_BATCH):
            self._outbox.log_batch(self.parent, params=part)

    def log_trials(self, study: str, trials: pd.DataFrame, config_digest: str) -> None:
        """Create a finished child for every trial that has none; diverged ones are outcomes.

        Parameters of a child wait for its first scores: one call for both costs less than two. A
        child without parameters was left half-written by a run that was killed, and is completed.
        """
        some_are_known = bool(trials["reused"].any())
        known = (self._outbox.attempt(self._known) if some_are_known else None) or {}
        for row in trials.to_dict("records"):
            started, ended = (
                int(datetime.fromisoformat(row[key]).timestamp() * 1000)
                for key in ("started_at", "finished_at")
            )
            found = known.get(ChildKey(row["trial_id"], row["arm"], started))
            if found is None:
                tags = self._tags(study, row, config_digest)
                name = f"{row['arm']} s{row['seed']}"
                run = self._outbox.create_child(name, started, tags)
            else:
                run = found.run
                self._logged[run] = found.metrics
            if found is None or not found.has_parameters:
                config = json.loads(row["config"])
                parameters = {"seed": str(row["seed"]), "arm": row["arm"]} | flatten(config, study)
                self._unwritten[run] = [Param(k, v) for k, v in parameters.items()]
                self._outbox.end(run, "FINISHED", ended)
            self._children[row["trial_id"], row["arm"]] = run
            self._of_study.setdefault(study, []).append(run)
            reused = str(bool(row["reused"])).lower()
            self._rows.append([row["arm"], str(row["seed"]), row["trial_id"], run, reused])

    def _known(self, client: MlflowClient) -> dict[ChildKey, Child]:
        return known_children(client, self._experiment)

    def _tags(self, study: str, row: Mapping[Any, Any], config_digest: str) -> dict[str, str]:
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
        return tags

    def log_history(self, history: pd.DataFrame) -> None:
        """Scores per epoch of every new child, thinned, with the training step as MLflow's step."""
        now = _now()
        for (trial_id, arm), rows in history.groupby(["trial_id", "arm"], sort=False):
            run = self._children.get((str(trial_id), str(arm)))
            if run not in self._unwritten:
                continue
            points = [
                Metric(mlflow_key(str(metric)), float(value), now, int(step))
                for metric, group in rows.groupby("metric", sort=False)
                for value, step in zip(
                    *(_thinned(group[name].tolist()) for name in ("value", "step")), strict=True
                )
            ]
            self._log(run, points)

    def log_scores(self, scores: pd.DataFrame) -> None:
        """Final scores of every child, named `<split>.<metric>`, that it does not have yet."""
        now = _now()
        columns = [scores[name].to_numpy() for name in ("split", "metric", "value")]
        # Positions, not tables: a table for each child would cost a millisecond each.
        places: dict[Any, Any] = scores.groupby(["trial_id", "arm"], sort=False).indices
        for child, rows in places.items():
            run = self._children.get(child)
            if run is None:
                continue
            logged = self._logged.get(run, {})
            points = [
                Metric(name, value, now, 0)
                for name, value in (
                    (mlflow_key(f"{split}.{metric}"), float(value))
                    for split, metric, value in zip(*(one[rows] for one in columns), strict=True)
                )
                if name not in logged or not _same(logged[name], value)
            ]
            if points or run in self._unwritten:
                self._log(run, points)

    def log_folders(self, folders: Mapping[str, Path]) -> None:
        """Files of the trials whose children are new, by trial id."""
        for (trial_id, _), run in self._children.items():
            if run in self._unwritten and trial_id in folders:
                self._outbox.log_files(run, folders[trial_id])

    def log_summary(self, metrics: Mapping[str, float]) -> None:
        """Metrics of the parent."""
        now = _now()
        points = [Metric(name, value, now, 0) for name, value in metrics.items()]
        for part in _parts(points, METRICS_PER_BATCH):
            self._outbox.log_batch(self.parent, metrics=part)

    def log_table(self, name: str, table: pd.DataFrame) -> None:
        """A table of the parent that MLflow's pages show as one; `name` ends in .json."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            table.to_json(path, orient="split", index=False)
            self._outbox.log_files(self.parent, path)
        self.log_tags({MLFLOW_LOGGED_ARTIFACTS: json.dumps([{"path": name, "type": "table"}])})

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or a folder's content, of the parent."""
        self._outbox.log_files(self.parent, path, folder)

    def log_verdicts(self, study: str, verdicts: pd.DataFrame, prefix: str = "verdict") -> None:
        """Each verdict as a tag of the parent, so that runs can be searched by it."""
        self.log_tags(
            {
                mlflow_key(f"{prefix}.{study}.{row['hypothesis']}"): str(row["verdict"])
                for row in verdicts.to_dict("records")
            }
        )

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Tags of the parent."""
        entities = [RunTag(name, value) for name, value in tags.items()]
        for part in _parts(entities, OTHERS_PER_BATCH):
            self._outbox.log_batch(self.parent, tags=part)

    def log_rest(self) -> None:
        """What still waits for scores, of children that had none, and where all children are."""
        for run in list(self._unwritten):
            self._log(run, [])
        if self._rows:
            header = ["arm", "seed", "trial_id", "run_id", "reused"]
            self._outbox.log_table(self.parent, "trials.csv", [header, *self._rows])

    @property
    def has_children(self) -> bool:
        """Whether trials were written."""
        return bool(self._children)

    def children_of(self, study: str) -> list[str]:
        """The runs of a study's trials, those that were linked among them."""
        return self._of_study.get(study, [])

    def child(self, trial_id: str) -> str | None:
        """The run of a trial, if it has one under this parent."""
        return next((run for (i, _), run in self._children.items() if i == trial_id), None)

    def _log(self, run: str, points: Sequence[Metric]) -> None:
        """Metrics of a child, with the parameters that wait.

        Parameters come last: a child that has them has its history too.
        """
        parameters = list(_parts(self._unwritten.pop(run, []), OTHERS_PER_BATCH))
        metrics = list(_parts(points, METRICS_PER_BATCH))
        batches = list(zip_longest(metrics[::-1], parameters[::-1], fillvalue=()))
        for some, others in batches[::-1]:
            self._outbox.log_batch(run, metrics=some, params=others)


def _same(logged: float, value: float) -> bool:
    """Whether MLflow would answer with this value; it keeps infinity as the largest number."""
    if math.isnan(value):
        return math.isnan(logged)
    return logged == value or (math.isinf(value) and abs(logged) > 1e308 and logged * value > 0)


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
