"""The project's command line: Kedro's own, with what a user can mend told in one line."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

import click

from latentlab.core.faults import explained


@click.group(name="latentlab")
def cli() -> None:
    """Commands of this project."""


_with_traceback = sys.excepthook


def tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """End a command with one line where a user can mend the error, else with its traceback."""
    told = explained(error)
    if told is None:
        _with_traceback(kind, error, traceback)
        return
    # What is logged as the process ends would stand below the line.
    logging.shutdown()
    click.secho(f"Error: {told}", fg="red", err=True)


# Kedro has no place for errors of all its commands (run, catalog, viz, ..); Python has this one.
sys.excepthook = tell
