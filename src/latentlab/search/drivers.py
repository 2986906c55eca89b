"""Who works on a sweep: one driver alone, or several on one PostgreSQL database.

A driver is a process that asks, trains and tells. On a journal file or on SQLite it is alone. On
PostgreSQL each holds a lock of the server under its own name for as long as its connection lives:
what is leased to a name that nobody holds is free at once, whatever ended the process, and no
clock is asked. A driver whose connection breaks learns of it before it writes, and ends.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.exc import ArgumentError

from latentlab.core.databases import url_of
from latentlab.core.errors import UserError
from latentlab.core.file_names import file_name

_SESSION = {
    # A machine that is gone without a word is noticed within a minute.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "4",
    # Nothing is said on this connection while a cohort is trained.
    "idle_session_timeout": "0",
}
_TRIES, _PAUSE = 20, 0.5
"""For a name whose last process has just been killed, and whose server has not noticed yet."""


class Drivers:
    """The drivers of a sweep that has one alone: the caller, until it closes this."""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Keep other drivers from asking, telling and opening until the block ends."""
        yield

    def lives(self, owner: str) -> bool:
        """Return whether another driver of this name is at work."""
        return False

    def alone(self) -> bool:
        """Return whether no other driver is at work; ask it while `asking`."""
        return True

    def close(self) -> None:
        """Be a driver no more."""


class SqliteDrivers(Drivers):
    """One driver, alone with its sweep on this machine.

    Args:
        path: of the database.
        sweep: its name.

    Raises:
        UserError: another one is at work.
    """

    def __init__(self, path: Path, sweep: str) -> None:
        self._lock = FileLock(path.with_name(f".{path.name}.{file_name(sweep)}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"Another run works on the sweep {sweep} in {path}",
                "Wait for it to end; several at once need PostgreSQL as sweeps.storage "
                "(postgresql://USER@HOST/DATABASE).",
            ) from error

    def close(self) -> None:
        """Be a driver no more."""
        self._lock.release()


class PostgresqlDrivers(Drivers):
    """Several drivers, told apart by their names, on any number of machines.

    Args:
        url: of the database.
        sweep: its name.
        owner: name of the caller.

    Raises:
        UserError: another process works under the caller's name.
    """

    def __init__(self, url: URL, sweep: str, owner: str) -> None:
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._sweep = sweep
        # The locks are this connection's, and end with it.
        self._connection = engine.connect()
        for name, value in _SESSION.items():
            # As a query: servers before version 14 do not know all of them.
            self._connection.execute(
                text("SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :name"),
                {"name": name, "value": value},
            )
        for _ in range(_TRIES):
            if self._call("pg_try_advisory_lock", "driver", owner):
                break
            time.sleep(_PAUSE)
        else:
            self.close()
            raise UserError(
                f"Another run works on the sweep {sweep} under the name of these trials",
                "Wait for it to end. If this folder of trials is a copy of that run's, remove "
                "sweeps/owner.txt in it.",
            )
        with self.asking():
            self._call("pg_advisory_lock_shared", "sweep")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Keep other drivers from asking, telling and opening until the block ends."""
        self._call("pg_advisory_lock", "asking")
        try:
            yield
        finally:
            self._call("pg_advisory_unlock", "asking")

    def lives(self, owner: str) -> bool:
        """Return whether another driver of this name is at work."""
        return not self._free("driver", owner)

    def alone(self) -> bool:
        """Return whether no other driver is at work; ask it while `asking`."""
        return self._free("sweep")

    def close(self) -> None:
        """Be a driver no more."""
        self._connection.close()

    def _free(self, *what: str) -> bool:
        """Return whether nobody else holds a lock."""
        free = self._call("pg_try_advisory_lock", *what)
        if free:
            self._call("pg_advisory_unlock", *what)
        return free

    def _call(self, function: str, *what: str) -> bool:
        """Call one of the server's functions of locks.

        Args:
            function: its name.
            what: is locked; `asking` in the whole database, anything else of this sweep.
        """
        names = what if what == ("asking",) else (self._sweep, *what)
        digest = hashlib.sha256("\0".join(("latentlab", *names)).encode()).digest()
        key = int.from_bytes(digest[:8], signed=True)
        # A bigint is written out: a parameter of another type would be another function.
        return bool(self._connection.execute(text(f"SELECT {function}({key})")).scalar())


def open_drivers(address: str, sweep: str, owner: str) -> Drivers:
    """Become a driver of a sweep.

    Args:
        address: a database's URL, or the path of a journal file, whose folder the caller holds.
        sweep: its name.
        owner: name of the caller.

    Raises:
        UserError: another driver excludes this one, or the address is not of SQLite or PostgreSQL.
        SQLAlchemyError: the database does not answer.
    """
    if "://" not in address:
        return Drivers()
    url = url_of(address)
    if url.get_backend_name() == "postgresql":
        return PostgresqlDrivers(url, sweep, owner)
    if url.get_backend_name() != "sqlite":
        raise ArgumentError(f"{url.get_backend_name()} is neither sqlite nor postgresql")
    path = Path(url.database or "")
    if not path.parent.is_dir():
        # A lock would make it.
        raise ArgumentError(f"there is no folder {path.parent}")
    return SqliteDrivers(path, sweep)
