"""The journal file of a sweep: opened by one process at a time, and mended where it was cut off."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from latentlab.core.errors import UserError
from latentlab.core.file_names import file_name
from latentlab.core.files import unwritable, write_atomically

logger = logging.getLogger(__name__)

_START = b'{"op_code":'
"""How each line begins that Optuna writes."""


class DamagedJournal(UserError):
    """A journal from which a sweep cannot go on."""


def damaged(address: str) -> DamagedJournal:
    """The error for a sweep's record that makes no sense."""
    return DamagedJournal(
        f"The record of the sweep at {address} is damaged",
        "Set `sweeps.restart=true` to begin the sweep again: a journal file is kept beside, and "
        "trained trials are known.",
    )


def open_journal(path: Path) -> JournalStorage:
    """Open a journal, or begin one; the caller is the only process that does.

    What follows the first line that cannot be read (a killed process or a crash of the machine did
    not finish it) is set aside. A sweep asks for the same again and knows what was trained, so that
    nothing is lost by it.

    Raises:
        DamagedJournal: not even the first line can be read.
        UserError: the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of a process that was killed while it wrote; Optuna would wait for it for half a minute.
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
        content = path.read_bytes() if path.exists() else b""
        readable = _readable(content)
        if readable < len(content):
            if not (readable or _START.startswith(content[: len(_START)])):
                raise damaged(str(path))
            set_aside(path, readable)
        return JournalStorage(_Backend(str(path)))
    except OSError as error:
        raise unwritable(path, error) from error


def set_aside(path: Path, start: int) -> None:
    """Move what a journal holds from a byte on into a file beside it, and say so."""
    content = path.read_bytes()
    taken = [other.name for other in path.parent.iterdir()]
    beside = path.with_name(file_name(f"{path.name}.damaged", taken))
    write_atomically(beside, content[start:])
    with path.open("r+b") as file:
        file.truncate(start)
        os.fsync(file.fileno())
    line = content[:start].count(b"\n") + 1
    logger.warning(
        "%s could not be read from line %d on; that part was moved to %s", path, line, beside.name
    )


def _readable(content: bytes) -> int:
    """Return the number of bytes up to the first line that is not whole."""
    end = 0
    for line in content.splitlines(keepends=True):
        try:
            if not (line.endswith(b"\n") and "op_code" in json.loads(line)):
                return end
        except (ValueError, TypeError):
            return end
        end += len(line)
    return end


class _Backend(JournalFileBackend):
    """Optuna's file, with our line for a full disk."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            super().append_logs(logs)
        except OSError as error:
            raise unwritable(Path(self._file_path), error) from error
