"""The project's command line: Kedro's own, with what a user can mend told in one line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, cast

import click
from kedro.framework.cli.project import run as kedro_run

from latentlab.core.faults import explained
from latentlab.core.stopping import Stopped, stopped_by_signals


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


@cli.command(name="run", params=kedro_run.params, help=kedro_run.help)
@click.pass_context
def run(context: click.Context, /, **arguments: Any) -> None:
    """Run pipelines; `kedro run --help` lists the options."""
    try:
        with stopped_by_signals():
            context.invoke(cast("Callable[..., Any]", kedro_run.callback), **arguments)
    except Stopped as stopped:
        logging.shutdown()
        click.secho(
            f"{stopped}: what is trained is kept, and the same command goes on from there.",
            fg="red",
            err=True,
        )
        sys.exit(stopped.status)


# Kedro has no place for errors of all its commands (run, catalog, viz, ..); Python has this one.
sys.excepthook = tell
