"""Replace a folder as a whole: a crash leaves the old one as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentlab.core.errors import UserError


@contextmanager
def replaced_folder(folder: Path, marker: str) -> Iterator[Path]:
    """Give an empty folder to fill; when the block ends well it takes the place of `folder`.

    Args:
        folder: the folder to create or replace.
        marker: a file that only a folder of this kind holds. A folder that has other content is
            somebody's work and is not replaced.

    Raises:
        UserError: `folder` holds something else, or the disk refuses.
    """
    if folder.exists() and not (folder / marker).is_file() and not _is_empty(folder):
        raise UserError(
            f"{folder} exists and holds no '{marker}', so it was not written by latentlab",
            "Choose another folder, or move this one away.",
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A sibling is on the same file system, so the renames below move no data.
        build = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            yield build
            _make_readable(build)
            _swap(build, folder)
        finally:
            shutil.rmtree(build, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"Cannot write {folder}: {error.strerror or error}",
            "Check the free space and the permissions there; the previous content is unchanged.",
        ) from error


def _swap(build: Path, folder: Path) -> None:
    old = build.with_name(f"{build.name}.old")
    replaced = folder.exists()
    if replaced:
        folder.rename(old)
    try:
        build.rename(folder)
    except BaseException:
        if replaced:
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _make_readable(folder: Path) -> None:
    """`mkdtemp` makes a private folder; a report is read by others, as the umask allows."""
    umask = os.umask(0)
    os.umask(umask)
    folder.chmod(0o777 & ~umask)
