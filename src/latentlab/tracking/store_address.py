"""Where runs are tracked: MLFLOW_TRACKING_URI, or a SQLite file at an absolute path."""

from __future__ import annotations

import os
from pathlib import Path

import latentlab


def project_root() -> Path:
    """The folder that holds `pyproject.toml` and `conf`."""
    # The working directory, as Kedro's command line sets it; else where the source lies.
    here = Path.cwd()
    if (here / "conf").is_dir():
        return here
    return Path(latentlab.__file__).resolve().parents[2]


def tracking_uri() -> str:
    """The tracking address. A relative SQLite path would follow the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project_root() / 'mlflow.db'}"


def artifact_location(uri: str, experiment: str) -> str | None:
    """Where a new experiment keeps its files: beside a SQLite store; a server decides itself."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts" / experiment).as_uri()
