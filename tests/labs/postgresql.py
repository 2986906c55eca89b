"""A server of PostgreSQL for tests, from the system's own binaries, in a folder that is removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from labs.project_copies import free_port

USER, PASSWORD = "lab", "open-sesame"


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        port: on 127.0.0.1.
    """

    port: int

    def address(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """Make a database; its URL."""
        import psycopg

        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.address(name)


def missing() -> str | None:
    """Why there can be no server here; None where there can."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed (the extra `postgresql`)"
    if _programs() is None:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and there is no setpriv"
    return None


@contextmanager
def server() -> Iterator[Server]:
    """Start a server that asks for a password, and stop it."""
    programs = _programs()
    assert programs is not None
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder, port = Path(name), free_port()
        (folder / "password").write_text(PASSWORD)
        if root:
            for path in (folder, folder / "password"):
                shutil.chown(path, "nobody")

        def run(program: str, *arguments: str) -> None:
            other = ("setpriv", "--reuid=nobody", "--clear-groups") if root else ()
            command = [*other, str(programs / program), "-D", str(folder / "data"), *arguments]
            # Not captured: the server would keep the pipe open.
            with (folder / "output").open("wb") as output:
                subprocess.run(command, check=True, cwd=folder, stdout=output, stderr=output)

        secret = ("--auth=scram-sha-256", "--pwfile=password", "--no-sync", "--no-locale")
        run("initdb", "-U", USER, *secret, "-E", "UTF8")
        where = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        run("pg_ctl", "-w", "-l", "log", "-o", f"{where} -c fsync=off", "start")
        try:
            yield Server(port)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    place = found[-1] if found else shutil.which("initdb")
    return None if place is None else Path(place).resolve().parent
