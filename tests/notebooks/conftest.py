from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The helper module is shared with the browser tests.
sys.path.append(str(Path(__file__).parents[1] / "browser"))

from project_copies import ProjectCopy, finished_smoke_run


@pytest.fixture(scope="session")
def smoke_project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project with a finished smoke run."""
    return finished_smoke_run(tmp_path_factory)
