"""Writes to the tracking store; what it does not take, a later run sends.

A server that goes away does not stop a training that does not need it. From the first write that is
not taken, all are kept in a file, in their order, and the files of trials and reports beside it.
"""

from __future__ import annotations

import gc
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from latentlab.core.errors import UserError
from latentlab.core.files import unwritable

logger = logging.getLogger(__name__)

KEPT, FILES = "kept.jsonl", "files"

_FOR_NOW = (401, 403, 429)
"""Statuses of a server that takes nothing from us now: a password that ran out, too many calls."""

T = TypeVar("T")


class ChildKey(NamedTuple):
    """What a child is recognised by: one that is trained again begins at another time."""

    trial_id: str
    arm: str
    started: int


class Child(NamedTuple):
    """The run of a trial that an experiment has: what was logged last, and if its settings were."""

    run: str
    metrics: Mapping[str, float]
    has_parameters: bool


class Outbox:
    """Writes of one Kedro run.

    Args:
        client: of the tracking store.
        folder: of the run, for what the store does not take.
        experiment: id of the experiment of its children.
    """

    def __init__(self, client: MlflowClient, folder: Path, experiment: str) -> None:
        self._client = client
        self._folder = folder
        self._experiment = experiment
        self._number = 0
        self.lost = False

    def create_child(self, name: str, started: int, tags: Mapping[str, str]) -> str:
        """Create a run; its id, or a stand-in for it where the store is gone."""
        stand_in = f"kept {self._number}"
        created = self._send("create", stand_in, name=name, started=started, tags=dict(tags))
        return stand_in if created is None else created

    def log_batch(
        self,
        run: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Log as much as MLflow takes at once."""
        self._send(
            "batch",
            run,
            metrics=[[one.key, one.value, one.timestamp, one.step] for one in metrics],
            params=[[one.key, one.value] for one in params],
            tags=[[one.key, one.value] for one in tags],
        )

    def end(self, run: str, status: str, ended: int | None = None) -> None:
        """Close a run; `ended` is in milliseconds, none being now."""
        now = int(time.time() * 1000)
        self._send("end", run, status=status, ended=now if ended is None else ended)

    def log_files(self, run: str, path: Path, folder: str | None = None) -> None:
        """Log a file, or a folder's content."""
        self._send("files", run, path=str(path), folder=folder)

    def log_table(self, run: str, name: str, rows: Sequence[Sequence[str]]) -> None:
        """Log rows of text, the first being the header, as a CSV file; ids may be stand-ins."""
        self._send("table", run, name=name, rows=[list(row) for row in rows])

    def attempt(self, work: Callable[[MlflowClient], T]) -> T | None:
        """What `work` returns; none where the store is gone. For what is not to be kept."""
        if not self.lost:
            try:
                return work(self._client)
            except (MlflowException, OSError) as error:
                self._lose(error)
        return None

    def _send(self, do: str, run: str, **content: Any) -> str | None:
        call = {"do": do, "run": run, **content}
        if not self.lost:
            try:
                return _perform(self._client, self._experiment, call, {})
            except (MlflowException, OSError) as error:
                self._lose(error)
        self._keep(call)
        return None

    def _lose(self, error: MlflowException | OSError) -> None:
        """Take the store for gone, unless it answered that the write is wrong."""
        if not is_gone(error):
            raise error
        self.lost = True
        logger.warning(
            "The tracking store takes nothing any more (%s): the run goes on, and the next one "
            "logs what is missing.",
            reason(error),
        )

    def _keep(self, call: dict[str, Any]) -> None:
        try:
            if call["do"] == "files":
                source, kept = Path(call["path"]), self._folder / FILES / str(self._number)
                if source.is_dir():
                    shutil.copytree(source, kept)
                else:
                    kept.mkdir(parents=True)
                    shutil.copy(source, kept)
                    kept /= source.name
                call["path"] = str(kept.relative_to(self._folder))
            with (self._folder / KEPT).open("a", encoding="utf-8") as file:
                file.write(json.dumps(call) + "\n")
        except OSError as error:
            raise unwritable(self._folder, error) from error
        self._number += 1


def send_kept(client: MlflowClient, folder: Path, experiment: str) -> int:
    """Send what an earlier run kept; may be repeated, as children that are there are found.

    Args:
        client: of the tracking store.
        folder: of the earlier run.
        experiment: id of the experiment of its children.

    Returns:
        How many writes were sent.

    Raises:
        MlflowException: the store is still gone.
        OSError: it is, or a file cannot be read.
    """
    calls = list(_kept(folder / KEPT))
    ids: dict[str, str] = {}
    refused: list[str] = []
    if any(call["do"] == "create" for call in calls):
        there = known_children(client, experiment)
        for call in (call for call in calls if call["do"] == "create"):
            key = ChildKey(call["tags"]["trial_id"], call["tags"]["arm"], call["started"])
            if key in there:
                ids[call["run"]] = there[key].run
    for call in calls:
        if call["do"] == "create" and call["run"] in ids:
            continue
        if call["do"] == "files":
            call["path"] = str(folder / call["path"])
        try:
            created = _perform(client, experiment, call, ids)
        except MlflowException as error:
            if is_gone(error):
                raise
            # Somebody removed the run meanwhile.
            refused.append(reason(error))
            continue
        if created is not None:
            ids[call["run"]] = created
    if refused:
        logger.warning("%d writes of an earlier run were not taken: %s", len(refused), refused[0])
    return len(calls) - len(refused)


def known_children(client: MlflowClient, experiment: str) -> dict[ChildKey, Child]:
    """The runs of trials that an experiment has."""
    found: dict[ChildKey, Child] = {}
    token = None
    while True:
        with _no_garbage_sought():
            page = client.search_runs([experiment], "tags.trial_id != ''", page_token=token)
        for run in page:
            tags = run.data.tags
            key = ChildKey(tags["trial_id"], tags.get("arm", ""), run.info.start_time)
            # Not the run itself, which holds a hundred objects of MLflow.
            found[key] = Child(run.info.run_id, run.data.metrics, bool(run.data.params))
        token = page.token
        if not token:
            return found


@contextmanager
def _no_garbage_sought() -> Iterator[None]:
    """Let Python not look for garbage, which takes two thirds of the time of reading a page."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def is_gone(error: MlflowException | OSError) -> bool:
    """Whether a store does not answer or cannot write, other than that it refuses what is asked."""
    if not isinstance(error, MlflowException):
        return True
    answer: Any = error
    status: int = answer.get_http_status_code()
    return status >= 500 or status in _FOR_NOW


def reason(error: BaseException) -> str:
    """What went wrong at the bottom of it, such as `[Errno 111] Connection refused`."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error).strip().partition("\n")[0][:200]


def unreachable(uri: str, error: BaseException) -> UserError:
    """The error for a store that does not answer when a run begins."""
    return UserError(
        f"The tracking store {uri} does not answer: {reason(error)}",
        "Start it, or give another one as MLFLOW_TRACKING_URI; without it runs are tracked in "
        "mlflow.db.",
    )


def _perform(
    client: MlflowClient, experiment: str, call: Mapping[str, Any], ids: Mapping[str, str]
) -> str | None:
    """Do one write; the id of a run that it creates."""
    run = ids.get(call["run"], call["run"])
    if call["do"] == "create":
        made = client.create_run(experiment, call["started"], call["tags"], call["name"])
        return str(made.info.run_id)
    if call["do"] == "batch":
        client.log_batch(
            run,
            [Metric(*one) for one in call["metrics"]],
            [Param(*one) for one in call["params"]],
            [RunTag(*one) for one in call["tags"]],
        )
    elif call["do"] == "end":
        client.set_terminated(run, call["status"], call["ended"])
    elif call["do"] == "files":
        path = Path(call["path"])
        log = client.log_artifacts if path.is_dir() else client.log_artifact
        log(run, str(path), call["folder"])
    else:
        _log_table(client, run, call["name"], [[ids.get(c, c) for c in r] for r in call["rows"]])
    return None


def _log_table(client: MlflowClient, run: str, name: str, rows: Sequence[Sequence[str]]) -> None:
    import csv

    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        client.log_artifact(run, str(path))


def _kept(path: Path) -> Iterator[dict[str, Any]]:
    """The writes in a file; the last line may have been cut by a kill."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
