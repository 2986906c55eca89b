"""Fixtures that several folders share: a copy of the project, and one smoke run of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labs import postgresql
from labs.project_copies import ProjectCopy, copy_project, finished_smoke_run

UNTRACED = ("*_properties.py", "*_rates.py", "*_agreement.py", "test_training.py", "test_kills.py")
"""Properties, simulated error rates, and whole trainings: alone, in company and interrupted."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what coverage leaves out, and what is begun first.

    A test that is traced takes half as long again: those that take long repeat what short ones run.
    """
    for item in items:
        if {"hypothesis", "slow"} & set(item.keywords) or any(map(item.path.match, UNTRACED)):
            item.add_marker(pytest.mark.no_cover)
    # Files with long tests come first, whole, so that no process is left with one at the end.
    long = {item.path for item in items if "slow" in item.keywords}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture
def project(tmp_path: Path) -> ProjectCopy:
    """A fresh copy of the project, with an MLflow store that holds nothing."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def bare_project(tmp_path: Path) -> ProjectCopy:
    """A fresh copy of the project without an MLflow store."""
    return copy_project(tmp_path / "project", with_store=False)


@pytest.fixture(scope="session")
def smoke_project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy in which `kedro run --env smoke` has finished; read it, do not change it."""
    return finished_smoke_run(tmp_path_factory)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A server of PostgreSQL, where there can be one."""
    if reason := postgresql.missing():
        pytest.skip(reason)
    with postgresql.server() as server:
        yield server
