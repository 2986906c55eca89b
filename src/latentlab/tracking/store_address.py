"""Where runs are tracked: MLFLOW_TRACKING_URI, or a SQLite file at an absolute path."""

from __future__ import annotations

import os
from pathlib import Path

from kedro.utils import find_kedro_project

import latentlab


def project_root() -> Path:
    """The folder that holds `pyproject.toml` and `conf`."""
    # From the working directory upwards, as Kedro looks for it; else where the source lies.
    return find_kedro_project(Path.cwd()) or Path(latentlab.__file__).resolve().parents[2]


def tracking_uri() -> str:
    """The tracking address. A relative SQLite path would follow the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project_root() / 'mlflow.db'}"


def artifact_location(uri: str | None, experiment: str) -> str | None:
    """Where a new experiment keeps its files; a server decides itself.

    Beside a SQLite store; where the store is another database, in the project.
    """
    if uri is None or is_server(uri):
        return None
    path = sqlite_path(uri)
    folder = project_root() if path is None else path.parent
    return (folder / "mlartifacts" / experiment).as_uri()


def sqlite_path(uri: str) -> Path | None:
    """The file behind the address of a SQLite store; none of another kind of store."""
    if not uri.startswith("sqlite:///"):
        return None
    return Path(uri.removeprefix("sqlite:///").partition("?")[0]).resolve()


def is_server(uri: str) -> bool:
    """Whether an address is that of a server, which looks after its store itself."""
    return uri.startswith(("http", "databricks"))


def is_folder(uri: str) -> bool:
    """Whether an address is that of a folder, as MLflow wrote them once (`./mlruns`)."""
    return uri.startswith("file:") or ("://" not in uri and not uri.startswith("databricks"))
