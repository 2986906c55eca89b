"""The tracking store before it is used: made whole or not at all, and never migrated.

MLflow makes the tables of a new database one by one, in any number of processes at once, and
upgrades a database of another version as soon as it opens it. Neither happens here: a SQLite store
is made elsewhere and renamed into its place under a lock, PostgreSQL's tables are made under a lock
of the server, and a store that would be changed is refused.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from latentlab.core.databases import failure, url_of
from latentlab.core.errors import UserError
from latentlab.core.files import unwritable, write_atomically
from latentlab.tracking.store_address import is_folder, is_server, project_root, sqlite_path

if TYPE_CHECKING:
    from sqlalchemy import Engine


logger = logging.getLogger(__name__)

_MAKING = int.from_bytes(b"latentlb")
"""Number of the lock that a process holds in PostgreSQL while it makes MLflow's tables."""


def prepare_store(uri: str) -> None:
    """Make a SQLite store that is not there; see that one that is there fits this MLflow.

    A store of the project that a killed process left half-made and without a run is made anew.

    Args:
        uri: of the tracking store; a server looks after its own.

    Raises:
        UserError: it is a folder, no store of MLflow, one of another version, or unwritable.
    """
    if is_folder(uri):
        raise UserError(
            f"The tracking store {uri} is a folder, and this MLflow writes none",
            "Give a database (sqlite:///mlflow.db) or a server as MLFLOW_TRACKING_URI; runs that "
            "are in the folder are read by analysis.source=mlflow:<folder>#<experiment>.",
        )
    path = sqlite_path(uri)
    if path is not None:
        _prepare_file(path, uri)
    elif not is_server(uri):
        with opened(uri) as engine:
            _prepare_database(engine, uri)


@contextmanager
def opened(uri: str, called: str | None = None) -> Iterator[Engine]:
    """A database as it stands: no table is made.

    Args:
        uri: of the database.
        called: how messages call it; none: by its address.

    Raises:
        UserError: it cannot be opened or read.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = create_engine(url_of(uri))
        try:
            yield engine
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        why, remedy = failure(error)
        raise UserError(
            f"The MLflow store {called or uri} cannot be read: {why}",
            remedy or "Check the address, and that no other program holds it.",
        ) from error


def check_schema(engine: Engine, uri: str) -> None:
    """See that a database is a store of this version of MLflow.

    Raises:
        UserError: it is not.
    """
    utils = _schemas()
    _check_kind(engine, uri)
    found, needed = utils._get_schema_version(engine), utils._get_latest_schema_revision()
    if found != needed or not utils._all_tables_exist(engine):
        raise UserError(
            f"The tracking store {uri} is one of another version of MLflow (schema {found}, here "
            f"{needed})",
            f"If that is older, copy it and run `mlflow db upgrade {uri}`; or give another store "
            "as MLFLOW_TRACKING_URI.",
        )


def upgrade_copy(engine: Engine, uri: str) -> None:
    """Bring a copy of a store to the schema of this MLflow.

    Args:
        engine: of the copy.
        uri: of the original, for messages.

    Raises:
        UserError: it is no store of MLflow, or one of a later version.
    """
    from alembic.util import CommandError

    _check_kind(engine, uri)
    try:
        _schemas()._upgrade_db(engine)
    except CommandError as error:
        raise UserError(
            f"{uri} was written by a later version of MLflow ({error})",
            "Serve it by that version with `mlflow server`, and give the server's address.",
        ) from error


def _check_kind(engine: Engine, uri: str) -> None:
    tables = _tables(engine)
    if not {"experiments", "runs", "alembic_version"} <= tables:
        held = ", ".join(sorted(tables)) or "nothing"
        raise UserError(
            f"{uri} is no store of MLflow: it holds {held}", "Give the address of one that is."
        )


def _prepare_database(engine: Engine, uri: str) -> None:
    """Make the tables of a database that has none, one process at a time."""
    from sqlalchemy import text

    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MAKING})"))
        if _tables(engine):
            check_schema(engine, uri)
        else:
            _schemas()._initialize_tables(engine)


def _prepare_file(path: Path, uri: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            if path.exists() and path.stat().st_size:
                with opened(uri) as engine:
                    if not (path == project_root() / "mlflow.db" and _is_half_made(engine)):
                        check_schema(engine, uri)
                        return
                logger.warning("%s was half-made by a run that was stopped: made anew", path)
                # What SQLite keeps beside the old file would be played into the new one.
                for ending in ("-journal", "-wal", "-shm"):
                    path.with_name(path.name + ending).unlink(missing_ok=True)
            write_atomically(path, _new_store(path))
    except OSError as error:
        raise unwritable(path, error) from error


def _new_store(path: Path) -> bytes:
    """A SQLite store without runs, whose files will lie beside `path`."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # One name for all, so that what a kill leaves of it is removed by the next one.
    folder = path.with_name(f".{path.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        made = folder / path.name
        make: Any = SqlAlchemyStore
        store = make(f"sqlite:///{made}", (path.parent / "mlartifacts").as_uri())
        store.engine.dispose()
        return made.read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_half_made(engine: Engine) -> bool:
    """Whether tables are missing, none is another program's, and there is no run and no model."""
    from mlflow.store.db.base_sql_model import Base
    from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
    from sqlalchemy import text

    utils = _schemas()
    if utils._all_tables_exist(engine) and (
        utils._get_schema_version(engine) == utils._get_latest_schema_revision()
    ):
        return False
    tables = _tables(engine)
    known = {*Base.metadata.tables, *InitialBase.metadata.tables, "alembic_version"}
    if not {name.removeprefix("_alembic_tmp_") for name in tables} <= known:
        return False
    with engine.connect() as rows:
        return not any(
            rows.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first()
            for name in ("runs", "registered_models")
            if name in tables
        )


def _schemas() -> Any:
    """MLflow's own module of schemas, whose functions have no types."""
    from mlflow.store.db import utils

    return utils


def _tables(engine: Engine) -> set[str]:
    from sqlalchemy import inspect

    return set(inspect(engine).get_table_names())
