"""The project's command line: Kedro's own, with a user's mistakes told in one line."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.validation.exceptions import ParameterValidationError

from latentlab.errors import UserError


@click.group(name="latentlab")
def cli() -> None:
    """Commands of this project."""


def _told_in_one_line(error: BaseException) -> str | None:
    """The line for a mistake that a user can mend; None for a programming error."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UserError):
            return str(seen)
        if isinstance(seen, ParameterValidationError):
            return _validation_line(str(seen))
        seen = seen.__cause__ or seen.__context__
    return None


def _validation_line(message: str) -> str:
    """Kedro's list of failures, and pydantic's, as one line without links."""
    lines = [line.strip() for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith("For further information")]
    return " ".join(kept).replace("Value error, ", "")


@cli.command(
    name="run", params=kedro_run.params, help=kedro_run.help, context_settings={}
)
@click.pass_context
def run(context: click.Context, /, **arguments: Any) -> None:
    """Run pipelines; `kedro run --help` lists the options."""
    try:
        context.invoke(kedro_run.callback, **arguments)
    except Exception as error:
        line = _told_in_one_line(error)
        if line is None:
            raise
        logging.shutdown()
        click.secho(f"Error: {line}", fg="red", err=True)
        sys.exit(1)
