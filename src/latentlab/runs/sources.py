"""Where runs that exist already are read from: a file, an Optuna storage, an MLflow experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

SourceKind = Literal["csv", "mlflow", "optuna"]

MLFLOW = "mlflow:"
"""Marks an experiment of the tracking store: `mlflow:<experiment>`."""

CALLED: dict[SourceKind, str] = {
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
