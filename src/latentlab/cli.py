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

_DETAILS = re.compile(r" \[type=.*$")
_UNKNOWN = re.compile("Extra inputs are not permitted")


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
    """Kedro's list of failures, and pydantic's within it, as one line of `key: what is wrong`."""
    found: list[str] = []
    for failure in re.split(r"\n?- Parameter ", message)[1:]:
        name = failure.split("'")[1]
        # After the heading, pydantic alternates between a dotted key and an indented message;
        # a failure of the whole model has no key.
        lines = failure.splitlines()[1:] or [failure.partition(": ")[2]]
        for line in lines:
            text = _UNKNOWN.sub("there is no such key", _DETAILS.sub("", line)).strip()
            if text.startswith("For further information"):
                continue
            if line.startswith(" "):
                key = found.pop() if found else name
                found.append(f"{key}: {text.removeprefix('Value error, ')}")
            else:
                found.append(f"{name}.{text}")
    return "; ".join(found)


@cli.command(name="run", params=kedro_run.params, help=kedro_run.help)
@click.pass_context
def run(context: click.Context, /, **arguments: Any) -> None:
    """Run pipelines; `kedro run --help` lists the options."""
    try:
        context.invoke(cast("Callable[..., Any]", kedro_run.callback), **arguments)
    except Exception as error:
        line = _told_in_one_line(error)
        if line is None:
            raise
        logging.shutdown()
        click.secho(f"Error: {line}", fg="red", err=True)
        sys.exit(1)
