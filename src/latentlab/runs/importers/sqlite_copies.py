"""Copies of SQLite files: whoever opens one with a library that makes tables changes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from latentlab.core.errors import UserError

_BESIDE = ("", "-wal", "-journal")
"""Endings of the files that are one database; `-shm` is made from them."""

_ATTEMPTS = 5


@contextmanager
def copied_sqlite(path: Path) -> Iterator[Path]:
    """Give a copy of a SQLite file that may be opened, upgraded and thrown away.

    SQLite's own read-only mode would leave files beside a database that has a write-ahead log.

    Raises:
        UserError: it cannot be read, or is written to all the time.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        try:
            for _ in range(_ATTEMPTS):
                before = _states(path)
                for ending in _BESIDE:
                    with suppress(FileNotFoundError):
                        shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
                if _states(path) == before:
                    break
            else:
                raise UserError(
                    f"{path} is being written to", "Read it when the program that does has ended."
                )
        except OSError as error:
            raise UserError(
                f"{path} cannot be read: {error.strerror or error}",
                "Correct the path, or free space for a copy of it.",
            ) from error
        yield copy


def _states(path: Path) -> list[tuple[int, int] | None]:
    """Time of the last change and size of each file; none where there is none."""
    states: list[tuple[int, int] | None] = []
    for ending in _BESIDE:
        try:
            found = os.stat(f"{path}{ending}")
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((found.st_mtime_ns, found.st_size))
    return states
