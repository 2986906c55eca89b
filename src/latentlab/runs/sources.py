"""Where runs that exist already are read from: a file, an Optuna storage, an MLflow experiment."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from latentlab.core.errors import UserError

SourceKind = Literal["csv", "mlflow", "optuna"]

MLFLOW = "mlflow:"
"""Marks an experiment of the tracking store: `mlflow:<experiment>`."""

_CALLED: dict[SourceKind, str] = {
    "csv": "a CSV file",
    "mlflow": "an MLflow experiment",
    "optuna": "an Optuna study",
}

_SQLITE = b"SQLite format 3"
_TABLES = (".csv", ".tsv", ".txt")


def kind_of(source: str, root: Path) -> tuple[SourceKind, str]:
    """Return what a source is, and its address.

    Args:
        source: a CSV file, an Optuna storage (a URL, a SQLite or a journal file), or
            `mlflow:<experiment>`.
        root: what relative paths are relative to.
    """
    if source.startswith(MLFLOW):
        return "mlflow", source.removeprefix(MLFLOW)
    if "://" in source:
        return "optuna", source
    path = root / source
    if path.suffix.lower() in _TABLES or not path.is_file():
        return "csv", str(path)
    with path.open("rb") as file:
        begin = file.read(len(_SQLITE))
    if begin == _SQLITE:
        return "optuna", f"sqlite:///{path}"
    return ("optuna" if begin.startswith(b"{") else "csv"), str(path)


def refuse_unused(
    block: str, chosen: BaseModel, source: str, kind: SourceKind, unused: Collection[str]
) -> None:
    """Name every setting that was given and has no meaning for a source.

    Args:
        block: of the parameters.
        chosen: what it says.
        source: as it was given.
        kind: of the source.
        unused: settings that have no meaning for this kind.

    Raises:
        UserError: some of these were given.
    """
    given = [f"{block}.{name}" for name in unused if getattr(chosen, name) is not None]
    if not given:
        return
    remedy = f"Leave {'it' if len(given) == 1 else 'them'} out"
    if kind == "optuna":
        remedy += ", or give study.trials_dataframe() as CSV"
    raise UserError(f"{source}: {', '.join(given)} cannot be used of {_CALLED[kind]}", remedy)
