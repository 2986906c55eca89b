"""The catalog of a run: what cannot be read or written is one line that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import DataCatalog, DatasetError

from latentlab.core.errors import UserError
from latentlab.core.faults import explained
from latentlab.pipelines.run_hook import stage_that_writes


class ProjectCatalog(DataCatalog):
    """Kedro's catalog, whose errors name the file and the stage that writes it."""

    def load(self, ds_name: str, version: str | None = None) -> Any:
        """Return what a dataset holds.

        Raises:
            UserError: its file is missing, damaged or not readable.
        """
        try:
            return super().load(ds_name, version)
        except DatasetError as error:
            cause = _cause(error)
            raise explained(cause) or self._unreadable(ds_name, cause) from error

    def save(self, ds_name: str, data: Any) -> None:
        """Keep what a node returned.

        Raises:
            UserError: the disk is full, or its place cannot be written to.
        """
        try:
            super().save(ds_name, data)
        except DatasetError as error:
            raise explained(_cause(error)) or error from error

    def _unreadable(self, name: str, cause: BaseException) -> UserError:
        path = getattr(self.get(name), "_filepath", None)
        place = name if path is None else str(path)
        missing = isinstance(cause, FileNotFoundError) or (
            path is not None and not Path(str(path)).exists()
        )
        what = "is missing" if missing else f"is damaged ({type(cause).__name__})"
        return UserError(f"{place} {what}", _remedy(name))


def _cause(error: BaseException) -> BaseException:
    """Return what happened in a dataset, which Kedro wraps once or twice."""
    while isinstance(error, DatasetError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _remedy(name: str) -> str:
    """Return the command that writes a dataset."""
    _, stage = stage_that_writes(name)
    if not stage:
        return "Put the file there."
    return f"{stage} writes it: kedro run --pipelines {stage}, in the same environment."
