"""What runs leave behind when they are stopped, and how the next run settles it.

```
.tracking/<session>.lock        held by the process of a Kedro run for as long as it lives
.tracking/<session>/store.json  the store and the experiment of the run
                    kept.jsonl  what the store did not take
```

The folder is there while something may be open: a session whose lock is free is settled, whatever
ended it, and on whatever machine that sees the project.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from latentlab.core.databases import shown
from latentlab.core.files import unwritable, write_atomically
from latentlab.tracking.outbox import send_kept

logger = logging.getLogger(__name__)

FOLDER = ".tracking"
TAG = "latentlab.session"
"""Tag of a parent run, set when it is created."""

_STORE = "store.json"


class Session:
    """A Kedro run that is open.

    Args:
        project: its folder.
        uri: of the tracking store.
        experiment: id of the experiment of the run.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, project: Path, uri: str, experiment: str) -> None:
        self.name = secrets.token_hex(8)
        self.folder = project / FOLDER / self.name
        self._lock = _lock_of(self.folder)
        try:
            self.folder.parent.mkdir(exist_ok=True)
            # First the lock: a folder without one is taken for that of a dead process.
            self._lock.acquire()
            self.folder.mkdir()
        except OSError as error:
            raise unwritable(self.folder, error) from error
        about = {"store": shown(uri), "experiment": experiment}
        write_atomically(self.folder / _STORE, json.dumps(about).encode())

    def close(self, keep: bool) -> None:
        """End it; `keep` leaves the folder to the next run, which sends what is in it."""
        if not keep:
            _remove(self.folder)
        self._lock.release()


def settle(project: Path, uri: str, client: MlflowClient) -> None:
    """Send what earlier runs kept for a store, and close the runs whose process is gone.

    Args:
        project: its folder.
        uri: of the tracking store; sessions of another one stay.
        client: of that store.

    Raises:
        MlflowException: the store does not answer.
        OSError: it does not, or a file cannot be read.
    """
    for folder in sorted(path for path in (project / FOLDER).glob("*") if path.is_dir()):
        lock = _lock_of(folder)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            if not (folder / _STORE).exists():
                # It was stopped before it opened a run.
                _remove(folder)
                continue
            about = json.loads((folder / _STORE).read_text())
            if shown(about["store"]) == shown(uri):
                _settle(folder, about["experiment"], client)
                _remove(folder)
        finally:
            lock.release()


def _settle(folder: Path, experiment: str, client: MlflowClient) -> None:
    if sent := send_kept(client, folder, experiment):
        logger.info("Logged what the tracking store missed of an earlier run: %d writes", sent)
    open_still = " and attributes.status = 'RUNNING'"
    for parent in client.search_runs([experiment], f"tags.`{TAG}` = '{folder.name}'"):
        children = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}'"
        for child in client.search_runs([experiment], children + open_still):
            client.set_terminated(child.info.run_id, "KILLED")
        if parent.info.status == "RUNNING":
            client.set_terminated(parent.info.run_id, "KILLED")


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder.with_name(f"{folder.name}.lock"))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)
