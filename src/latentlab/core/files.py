"""Files and folders that appear whole or not at all.

Everything is written beside its place first, as `.<name>.<random>.partial`, flushed to the disk,
and then renamed: after a crash, a full disk, a kill or a loss of power, what stood there before is
unchanged.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from latentlab.core.errors import UserError

ABANDONED = 86_400.0
"""Seconds after which nobody is writing a partial file or folder any more."""

_REMAINS = re.compile(r"\.(?P<name>.+)\.[0-9a-f]+\.(?P<kind>partial|old)")
"""What a killed run leaves: a half-written thing, or one that was to be replaced by it."""

Stamp = tuple[tuple[str, int, int, int] | None, ...]
"""Of some files, what tells whether they changed since they were last looked at."""


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
        make_folder(path.parent)
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
        flush: wait until the disk has all of it, some milliseconds a file. False where many
            folders are written and `sync_folder` flushes all of them afterwards.

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
            make_folder(folder.parent)
            partial.mkdir()
            yield partial
            if flush:
                sync_folder(partial)
            _swap(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that a loss of power does not unmake them."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        sync(path.parent)


def move_into_place(partial: Path, path: Path) -> None:
    """Rename a file that is whole and flushed to `path`, durably."""
    os.replace(partial, path)
    sync(path.parent)


def remove_partials(folder: Path, older_than: float = ABANDONED, deep: bool = False) -> None:
    """Remove what killed runs left half-written in a folder, and put back what they had taken away.

    Args:
        folder: where they lie; it need not exist.
        older_than: seconds since the last change; 0 where a lock says that nobody else writes.
        deep: look in the folders below too.
    """
    for path in list(folder.rglob(".*.*") if deep else folder.glob(".*.*")):
        found = _REMAINS.fullmatch(path.name)
        if found is None:
            continue
        with contextlib.suppress(OSError):
            replaced, place = found["kind"] == "old", path.with_name(found["name"])
            # What is to be replaced is old itself; the time of its renaming is what counts.
            changed = path.stat().st_ctime if replaced else path.stat().st_mtime
            if time.time() - changed < older_than:
                continue
            if replaced and not place.exists():
                os.replace(path, place)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def set_aside(path: Path) -> Path:
    """Rename something damaged to a free name beside it."""
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(3)}")
    path.rename(aside)
    return aside


def stamp(paths: Iterable[Path]) -> Stamp:
    """Return what tells whether files changed; None for one that is not there."""
    return tuple(_stamp(path) for path in paths)


def unwritable(path: Path, error: OSError) -> UserError:
    """The error for a place that takes no files."""
    return UserError(
        f"{path} cannot be written: {error.strerror or error}",
        "Free space there or change its permissions, then run again; what was there is unchanged.",
    )


def sync_folder(folder: Path) -> None:
    """Flush a folder with all that it holds to the disk."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Flush a file to the disk, or a folder's list of names where the platform can."""
    with contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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


def _stamp(path: Path) -> tuple[str, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return str(path), found.st_ino, found.st_size, found.st_mtime_ns
