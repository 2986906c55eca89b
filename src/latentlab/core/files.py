"""Files and folders that appear whole or not at all.

Everything is written beside its place first, as `.<name>.<random>.partial`, flushed to the disk,
and then renamed: after a crash, a full disk or a kill, what stood there before is unchanged.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from latentlab.core.errors import UserError

ABANDONED = 86_400.0
"""Seconds after which nobody is writing a partial file or folder any more."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step; its folder is created.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to fill, which takes the place of `path` when the block ends well.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    partial = _partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            move_into_place(partial, path)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def atomic_folder(folder: Path, marker: str, flush: bool = True) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of `folder` when the block ends well.

    Args:
        folder: the folder to create or replace.
        marker: a file that only a folder of this kind holds. A folder that has other content is
            somebody's work and is not replaced.
        flush: wait until the disk has all of it, some milliseconds a file. False where readers
            find out on their own whether a folder is whole.

    Raises:
        UserError: `folder` holds something else, the disk is full or cannot be written.
    """
    partial = _partial(folder)
    try:
        if folder.exists() and not (folder / marker).is_file() and not _is_empty(folder):
            raise UserError(
                f"{folder} exists and holds no '{marker}', so it was not written by latentlab",
                "Choose another folder, or move this one away.",
            )
        try:
            partial.mkdir(parents=True)
            yield partial
            if flush:
                _sync_tree(partial)
            _swap(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def move_into_place(partial: Path, path: Path) -> None:
    """Rename a file that is whole and flushed to `path`, durably."""
    os.replace(partial, path)
    _sync(path.parent)


def remove_partials(folder: Path, older_than: float = ABANDONED) -> None:
    """Remove what killed runs left half-written in a folder.

    Args:
        folder: where they lie; it need not exist.
        older_than: seconds since the last change; 0 where a lock says that nobody else writes.
    """
    for partial in folder.glob(".*.partial"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime >= older_than:
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()


def unwritable(path: Path, error: OSError) -> UserError:
    """The error for a place that takes no files."""
    return UserError(
        f"{path} cannot be written: {error.strerror or error}",
        "Free space there or change its permissions, then run again; what was there is unchanged.",
    )


def _partial(path: Path) -> Path:
    # A sibling is on the same file system, so that renaming it moves no data.
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")


def _swap(partial: Path, folder: Path) -> None:
    """Rename `partial` to `folder`; what stood there is removed only after the exchange."""
    old = partial.with_suffix(".old")
    replaced = folder.exists()
    if replaced:
        # A folder that is not empty cannot be replaced in one step.
        os.replace(folder, old)
    try:
        move_into_place(partial, folder)
    except BaseException:
        if replaced:
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    """Flush a file or a folder's list of names to the disk, where the platform can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
