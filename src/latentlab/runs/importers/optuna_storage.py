"""Opens the storage of an Optuna study, and changes nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from latentlab.core.databases import failure
from latentlab.core.errors import UserError
from latentlab.runs.importers.sqlite_copies import copied_sqlite

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage, RDBStorage

_SQLITE, _MAGIC = "sqlite:///", b"SQLite format 3\0"
_BEGIN = 200
"""Bytes that show a journal: each of its lines has an `op_code`."""


def storage_at(source: str, path: Path) -> str | None:
    """Return the address of a storage: a URL, a SQLite or a journal file; none of what is none."""
    if "://" in source:
        return source
    if not path.is_file():
        return None
    with path.open("rb") as file:
        begin = file.read(_BEGIN)
    if begin.startswith(_MAGIC):
        return f"{_SQLITE}{path}"
    return str(path) if begin.startswith(b"{") and b"op_code" in begin else None


@contextmanager
def opened(address: str) -> Iterator[BaseStorage]:
    """Give a storage to read; of a SQLite file a copy, since Optuna makes and stamps tables.

    Raises:
        UserError: there is none, it cannot be opened, or what the block reads in it is damaged.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import SQLAlchemyError

    # Optuna makes the file that is not there.
    local = address.startswith(_SQLITE) or "://" not in address
    path = Path(urlsplit(address).path[1:] if address.startswith(_SQLITE) else address)
    if local and not path.is_file():
        raise UserError(
            f"There is no Optuna storage at {address}",
            f"Give a database's URL ({_SQLITE}study.db) or the path of a journal file",
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with ExitStack() as stack:
        try:
            if local and _is_sqlite(path):
                copy = stack.enter_context(copied_sqlite(path))
                storage: BaseStorage = _database(f"{_SQLITE}{copy}", address, upgrade=True)
            elif "://" in address:
                storage = _database(address, address, upgrade=False)
            else:
                storage = JournalStorage(JournalFileBackend(address))
            yield storage
        except UserError:
            raise
        except (OSError, ImportError, RuntimeError, SQLAlchemyError) as error:
            why, remedy = failure(error)
            raise UserError(
                f"The Optuna storage at {address} cannot be opened: {why}",
                remedy or "Check the address",
            ) from error
        except Exception as error:
            # Optuna checks nothing of what it reads: what is damaged raises nearly anything.
            raise UserError(
                f"The Optuna storage at {address} is damaged ({type(error).__name__}: {error})",
                "Restore it, or give its trials as CSV: study.trials_dataframe().to_csv(..)",
            ) from error


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _database(url: str, address: str, upgrade: bool) -> RDBStorage:
    """Open a database without making tables in it.

    Args:
        url: of the database.
        address: as it was given, for messages.
        upgrade: bring it to the schema of this Optuna; only of a copy.

    Raises:
        UserError: it is no Optuna storage.
        RuntimeError: it is one of another version, by Optuna.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy import create_engine, inspect

    engine = create_engine(url)
    tables = set(inspect(engine).get_table_names())
    engine.dispose()
    if not {"studies", "trials", "version_info"} <= tables or not (
        upgrade or "alembic_version" in tables
    ):
        remedy = "Give the address of one that is"
        if {"experiments", "runs"} <= tables:
            remedy = f"It is a store of MLflow: give mlflow:{address}#<experiment>"
        held = ", ".join(sorted(tables)[:10]) or "nothing"
        raise UserError(f"{address} is no Optuna storage: it holds {held}", remedy)
    storage = RDBStorage(url, skip_compatibility_check=upgrade, skip_table_creation=True)
    if upgrade:
        if storage.get_current_version() not in storage.get_all_versions():
            raise UserError(
                f"{address} was written by a later version of Optuna",
                "Give its trials as CSV: study.trials_dataframe().to_csv(..)",
            )
        storage.upgrade()
    return storage


def study_in(storage: BaseStorage, address: str, name: str | None) -> Study:
    """Return a study by its name, or the only one.

    Raises:
        UserError: there is no such study, or several and none is named; `address` is where.
    """
    import optuna

    known = sorted(one.study_name for one in storage.get_all_studies())
    if name is None and len(known) == 1:
        name = known[0]
    if name is None or name not in known:
        what = "which study is not said" if name is None else f"there is no study {name}"
        raise UserError(
            f"{address}: {what}",
            f"Name one of {', '.join(known)}" if known else "It holds no study: give another one",
        )
    return optuna.load_study(study_name=name, storage=storage)
