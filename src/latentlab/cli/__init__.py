"""The project's command line: Kedro's own, with what a user can mend told in one line.

`latentlab` has the project's commands alone, `kedro` has Kedro's others beside them.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import TracebackType

import click
from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project

from latentlab.cli.examination import examine
from latentlab.cli.paper import export
from latentlab.cli.project import doctor, schema
from latentlab.cli.running import run
from latentlab.cli.runs_that_exist import audit, compare, judge
from latentlab.cli.studies import plan, register, status, verify
from latentlab.core.errors import UserError
from latentlab.core.faults import explained
from latentlab.scaffold.command import new


@click.group(name="latentlab")
def cli() -> None:
    """Commands of this project."""


for _command in (
    *(run, plan, new, register, verify, status),
    *(judge, audit, compare, examine, export, doctor, schema),
):
    cli.add_command(_command)


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


def main() -> None:
    """Run a command of the project that the present folder lies in.

    Raises:
        UserError: it lies in none.
    """
    root = find_kedro_project(Path.cwd())
    if root is None:
        raise UserError(
            f"{Path.cwd()} lies in no project",
            "Go to the folder with conf/ and pyproject.toml, then give the command again.",
        )
    bootstrap_project(root)
    # Below the project's folder Kedro finds another logging, which brings tracebacks of its own.
    sys.excepthook = tell
    cli()


# Kedro has no place for errors of all its commands (run, catalog, viz, ..); Python has this one.
sys.excepthook = tell
