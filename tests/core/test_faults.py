"""Which errors of other people's code are one line, and that programming errors are not."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy
import torch

from latentlab.core.errors import UserError
from latentlab.core.faults import explained


def raised(action: Callable[[], object]) -> Exception:
    """Whatever the library raises: the classes are what the tests are about."""
    try:
        action()
    except Exception as error:
        return error
    pytest.fail("nothing was raised")


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/scores.parquet")


def no_database(path: Path) -> Callable[[], object]:
    path.write_bytes(b"no database at all" * 50)
    return lambda: (
        sqlalchemy.create_engine(f"sqlite:///{path}")
        .connect()
        .execute(sqlalchemy.text("select * from runs"))
    )


def locked(path: Path) -> Callable[[], object]:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("create table runs (a)")
    holder.execute("begin exclusive")
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0.01})
    return lambda: (engine.connect().execute(sqlalchemy.text("select * from runs")), holder)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: full_disk, ["/data/scores.parquet: the disk is full"]),
        (lambda path: lambda: np.empty(10**18), ["not enough memory", "compute.cohort"]),
        (lambda path: lambda: torch.empty(10**17), ["not enough memory", "compute.cohort"]),
        (no_database, ["is no database", "move the file away"]),
        (locked, ["another program holds it locked"]),
        (
            lambda path: lambda: sqlalchemy.create_engine("sqlite:////no/where/a.db").connect(),
            ["cannot be opened"],
        ),
        (lambda path: lambda: sqlalchemy.create_engine("nosql://a"), ["nosql", "address"]),
        (lambda path: lambda: sqlalchemy.create_engine("no address"), ["address"]),
        (
            lambda path: lambda: sqlalchemy.create_engine("mssql+pymssql://a/b").connect(),
            ["pymssql is not installed", "sqlalchemy", "pip install pymssql", "PYTHONPATH"],
        ),
        (
            lambda path: lambda: metadata.version("no-such-package"),
            ["test_faults asks which version of no-such-package", "pip install --no-deps"],
        ),
        pytest.param(
            lambda path: lambda: torch.zeros(1).cuda(),
            ["test_faults asks for a GPU", "compute.device"],
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
        ),
    ],
)
def test_a_fault_outside_is_one_line(
    tmp_path: Path, make: Callable[[Path], Callable[[], object]], words: list[str]
) -> None:
    told = explained(raised(make(tmp_path / "a.db")))
    assert told is not None
    assert "\n" not in str(told)
    assert all(word in str(told) for word in words), str(told)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("arm"),
        ValueError("not aligned"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        AssertionError(),
        FileNotFoundError(errno.ENOENT, "No such file", "a"),
        ModuleNotFoundError("No module named 'latentlab.nowhere'", name="latentlab.nowhere"),
    ],
)
def test_a_programming_error_keeps_its_traceback(error: Exception) -> None:
    assert explained(error) is None


def test_our_own_line_wins_over_what_led_to_it() -> None:
    def reread() -> None:
        try:
            full_disk()
        except OSError as error:
            raise UserError("scores.parquet is missing", "Run the evaluation") from error

    told = explained(raised(reread))
    assert str(told) == "scores.parquet is missing. Run the evaluation"


def test_an_error_that_led_to_itself_ends() -> None:
    first, second = KeyError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert explained(first) is None
