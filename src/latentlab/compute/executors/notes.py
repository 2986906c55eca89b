"""A file for each job that runs: where, since when, and its last news.

Whoever sees the folder can say what goes on, on whatever machine and by whatever engine, while
others work. The drivers of clusters read news here too: results lie in a shared folder anyway, and
a file needs no connection that a firewall or a killed driver could break.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.core.files import write_atomically
from latentlab.core.model import StrictModel

NOTED_SECONDS = 1.0
"""A note is replaced at most this often."""


class Note(StrictModel):
    """What is known of a job that runs.

    Attributes:
        host: the machine.
        process: its number there.
        queue: number of the cluster's job, where there is one.
        began: when it began, in seconds since 1970 by that machine's clock.
        told: when the note was written.
        news: the job's last news; None before the first.
    """

    host: str
    process: int
    queue: str
    began: float
    told: float
    news: Any

    @property
    def ended(self) -> bool:
        """Whether the process is known to be gone: of another machine's nobody knows."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


@contextmanager
def noted(
    folder: Path, name: str, report: Callable[[Any], None]
) -> Iterator[Callable[[Any], None]]:
    """Keep a note of a job while the block runs; give a function that takes its news."""
    path = folder / f"{name}.json"
    # As squeue shows it.
    array, task = (os.environ.get(f"SLURM_ARRAY_{key}") for key in ("JOB_ID", "TASK_ID"))
    queue = f"{array}_{task}" if array else os.environ.get("SLURM_JOB_ID", "")
    began, written = time.time(), 0.0

    def write(news: Any) -> None:
        nonlocal written
        written = time.monotonic()
        content = Note(
            host=socket.gethostname(),
            process=os.getpid(),
            queue=queue,
            began=began,
            told=time.time(),
            news=news,
        )
        # It only informs; a full disk is told by what must be written.
        with contextlib.suppress(UserError):
            write_atomically(path, content.model_dump_json().encode())

    def tell(news: Any) -> None:
        if time.monotonic() - written >= NOTED_SECONDS:
            write(news)
        report(news)

    write(None)
    try:
        yield tell
    finally:
        path.unlink(missing_ok=True)


def read_note(folder: Path, name: str) -> Note | None:
    """Return the note of a job; None where it does not run, or its process was killed."""
    try:
        note = Note.model_validate_json((folder / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return None if note.ended else note


def forget_notes(folder: Path, keep: Collection[str]) -> None:
    """Remove notes of jobs that do not run any more: their processes were killed."""
    for path in folder.glob("*.json"):
        if path.stem not in keep:
            path.unlink(missing_ok=True)


def read_notes(folder: Path) -> dict[str, Note]:
    """Return the notes of all jobs that run, by name."""
    names = sorted(path.stem for path in folder.glob("*.json"))
    return {name: note for name in names if (note := read_note(folder, name)) is not None}
