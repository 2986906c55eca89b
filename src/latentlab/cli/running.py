"""`run`, and what other commands do with it: a pipeline of a study, or of runs that exist."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from copy import copy
from typing import Any, cast

import click
from kedro.framework.cli.project import run as kedro_run

from latentlab.cli.json_output import told_apart
from latentlab.core.stopping import BrokenOff, stopped_by_signals

_QUIET = click.Option(
    ["--quiet", "-q"], is_flag=True, help="Print warnings, verdicts and where to look, no progress."
)


@click.command(name="run", params=[*kedro_run.params, _QUIET], help=kedro_run.help)
@click.pass_context
def run(context: click.Context, /, quiet: bool = False, **arguments: Any) -> Any:
    """Run pipelines; `kedro run --help` lists the options."""
    if quiet:
        logging.disable(logging.INFO)
    try:
        with stopped_by_signals():
            return context.invoke(cast("Callable[..., Any]", kedro_run.callback), **arguments)
    except BrokenOff as end:
        logging.shutdown()
        click.secho(
            f"{end}: what is trained is kept, and the same command goes on from there.",
            fg="red" if end.status else None,
            err=True,
        )
        sys.exit(end.status)


_OPTIONS = {
    "env": "Environment, a folder of conf/; base without it.",
    "params": "Settings over those of conf/, as in STUDY.seeds.count=5,compute.device=cpu.",
}


def studies_beginning(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the studies whose name begins so: what a shell completes."""
    from latentlab.studies.registry import STUDIES

    return [name for name in STUDIES if name.startswith(incomplete)]


def of_a_study() -> list[click.Parameter]:
    """Return the arguments of a command that runs one pipeline of one study."""
    options = [copy(p) for p in kedro_run.params if p.name in _OPTIONS]
    for option in options:
        # Kedro's own speaks of another default environment than this project's.
        cast("click.Option", option).help = _OPTIONS[str(option.name)]
    return [click.Argument(["study"], shell_complete=studies_beginning), *options]


def run_pipeline(
    context: click.Context, name: str, arguments: dict[str, Any], apart: bool = False
) -> dict[str, Any]:
    """Run a pipeline as `kedro run` does, with some of its options.

    Args:
        context: of the command.
        name: of the pipeline.
        arguments: the options.
        apart: whether what is told of the run goes where errors go.

    Returns:
        Datasets that the pipeline wrote and none of its nodes read, by name.
    """
    defaults = kedro_run.make_context("run", []).params
    with told_apart() if apart else contextlib.nullcontext():
        written: dict[str, Any] = context.invoke(
            run, **{**defaults, **arguments, "pipelines": [name]}
        )
    return written


def places_told() -> dict[str, str]:
    """Return where to look for the rest, as the run of this process said at its end."""
    from kedro.framework.project import settings

    from latentlab.tracking.hook import TrackingHook

    (hook,) = (one for one in settings.HOOKS if isinstance(one, TrackingHook))
    return hook.places
