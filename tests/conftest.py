"""Fixtures that several folders share: a copy of the project, and one smoke run of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from project_copy import copy_project, run_kedro


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh copy of the project."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def smoke_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project after one `kedro run --env smoke`; read it, do not change it."""
    project = copy_project(tmp_path_factory.mktemp("smoke") / "project")
    done = run_kedro(project, "run", "--env", "smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    (project / "terminal.txt").write_text(done.stdout + done.stderr)
    return project
