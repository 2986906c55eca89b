"""The project's command line: Kedro's own, with a user's mistakes told in one line."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import Any, cast

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.validation.exceptions import ParameterValidationError

from latentlab.core.errors import UserError
from latentlab.core.stopping import Stopped, stopped_by_signals
from latentlab.core.validation import NO_SUCH_KEY

_DETAILS = re.compile(r" \[type=.*$")
_UNKNOWN = re.compile("Extra inputs are not permitted")


@click.group(name="latentlab")
def cli() -> None:
    """Commands of this project."""


def _one_line(error: BaseException) -> str | None:
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
    """Kedro's list of failures, and pydantic's within it, as one line of `key: what is wrong`.

    Kedro keeps the text of pydantic's errors alone, in its own exception and in its log, so that
    this text is all there is: a heading, then by turns a dotted key and an indented message. A
    failure of the whole model has no key, and one of another kind no lines below the heading.
    """
    mistakes: list[str] = []
    for failure in message.split("- Parameter '")[1:]:
        parameter = key = failure.partition("'")[0]
        for line in failure.splitlines()[1:] or [f" {failure.partition(': ')[2]}"]:
            if not line.startswith(" "):
                key = f"{parameter}.{line}"
            elif "For further information" not in line:
                what = _DETAILS.sub("", line).strip().removeprefix("Value error, ")
                mistakes.append(f"{key}: {_UNKNOWN.sub(NO_SUCH_KEY, what)}")
                key = parameter
    return "; ".join(mistakes)


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
    except Exception as error:
        line = _one_line(error)
        if line is None:
            raise
        logging.shutdown()
        click.secho(f"Error: {line}", fg="red", err=True)
        sys.exit(1)
