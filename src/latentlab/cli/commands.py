"""The commands, as a group of their own and for Kedro's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project

from latentlab.cli import tell
from latentlab.cli.ending import in_a_line
from latentlab.cli.examination import examine
from latentlab.cli.paper import export
from latentlab.cli.project import doctor, schema
from latentlab.cli.running import run
from latentlab.cli.runs_that_exist import audit, compare, judge
from latentlab.cli.studies import plan, register, status, verify
from latentlab.core.errors import UserError
from latentlab.scaffold.command import new


class _Commands(click.Group):
    """Commands that signals end in one line, where click says `Aborted!`."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        with in_a_line():
            return super().invoke(context)


@click.group(name="latentlab", cls=_Commands)
def cli() -> None:
    """Commands of this project."""


for _command in (
    *(run, plan, new, register, verify, status),
    *(judge, audit, compare, examine, export, doctor, schema),
):
    cli.add_command(_command)


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


# Kedro sets its own as it is imported.
sys.excepthook = tell
