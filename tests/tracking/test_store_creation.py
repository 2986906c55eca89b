"""The store is made whole or not at all; one that is somebody's is not changed by a look at it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.store.db import utils
from sqlalchemy import create_engine

from labs.project_copies import copy_project
from latentlab.core.errors import UserError
from latentlab.tracking import store_creation
from latentlab.tracking.store_creation import prepare_store

OLDER = "bf29a5ff90ea"
"""A schema of an earlier version of MLflow."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own store, with all tables and no run."""
    project = copy_project(tmp_path / "project")
    monkeypatch.setattr(store_creation, "project_root", lambda: project.root)
    return project.root / "mlflow.db"


def execute(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def revision(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file() and not path.name.endswith(".lock")
    }


def refused(path: Path, *words: str) -> None:
    before = digests(path.parent)
    with pytest.raises(UserError) as error:
        prepare_store(f"sqlite:///{path}")
    assert all(word in str(error.value) for word in words), error.value
    assert digests(path.parent) == before


def test_a_whole_store_is_left_as_it_is(store: Path) -> None:
    before = digests(store.parent)
    prepare_store(f"sqlite:///{store}")
    assert digests(store.parent) == before


def test_a_half_made_store_of_the_project_is_made_anew(store: Path) -> None:
    execute(store, "DROP TABLE webhooks")
    prepare_store(f"sqlite:///{store}")
    assert utils._all_tables_exist(create_engine(f"sqlite:///{store}"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: execute(path, f"UPDATE alembic_version SET version_num = '{OLDER}'"),
        lambda path: execute(path, "DELETE FROM alembic_version"),
        lambda path: execute(path, "ALTER TABLE runs RENAME TO _alembic_tmp_runs"),
    ],
)
def test_wherever_a_kill_left_it(
    store: Path, spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A copy: making one takes a second, and the test above does.
    whole = store.read_bytes()
    monkeypatch.setattr(store_creation, "_new_store", lambda path: whole)
    spoil(store)
    store.with_name("mlflow.db-journal").write_bytes(b"of the old file")
    prepare_store(f"sqlite:///{store}")
    assert revision(store) == utils._get_latest_schema_revision()


def test_a_store_with_a_run_is_not_made_anew(store: Path) -> None:
    execute(
        store,
        "INSERT INTO runs (run_uuid, lifecycle_stage, status, source_type) "
        "VALUES ('a', 'active', 'FINISHED', 'LOCAL')",
        f"UPDATE alembic_version SET version_num = '{OLDER}'",
    )
    refused(store, "another version", OLDER, f"mlflow db upgrade sqlite:///{store}")


def test_nor_is_one_of_somebody_else(store: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" / "store.db"
    theirs.parent.mkdir()
    shutil.copy(store, theirs)
    execute(theirs, f"UPDATE alembic_version SET version_num = '{OLDER}'")
    refused(theirs, "another version")


def test_another_programs_database_is_refused(store: Path) -> None:
    store.unlink()
    execute(store, "CREATE TABLE customers (name)")
    refused(store, "no store of MLflow", "customers")


def test_no_database_a_folder_and_a_missing_driver(store: Path) -> None:
    store.write_text("not a database at all" * 100)
    refused(store, "cannot be read", "not a database")
    for uri, words in (
        ("./mlruns", "is a folder"),
        ("file:///somewhere/mlruns", "is a folder"),
        ("nothing://host/store", "cannot be read"),
    ):
        with pytest.raises(UserError, match=words):
            prepare_store(uri)
