"""The project's command line: Kedro's own, with what a user can mend told in one line.

`latentlab` has the project's commands alone, `kedro` has Kedro's others beside them.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Collection, Mapping
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project

from latentlab.core.errors import UserError
from latentlab.core.faults import explained
from latentlab.core.stopping import BrokenOff, stopped_by_signals
from latentlab.scaffold.command import new


@click.group(name="latentlab")
def cli() -> None:
    """Commands of this project."""


cli.add_command(new)


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


def _of_a_study() -> list[click.Parameter]:
    """Return the arguments of a command that runs one pipeline of one study."""
    options = [copy(p) for p in kedro_run.params if p.name in _OPTIONS]
    for option in options:
        # Kedro's own speaks of another default environment than this project's.
        cast("click.Option", option).help = _OPTIONS[str(option.name)]
    return [click.Argument(["study"]), *options]


_OF_CLAIMS = [
    click.Option(["--amendment"], help="Of a file of claims: why they change."),
    click.Option(["--ratios"], help="Of a file of claims: metrics compared by ratios, a+b."),
]


@cli.command(params=[*_of_a_study(), *_OF_CLAIMS])
@click.pass_context
def register(
    context: click.Context,
    /,
    study: str,
    amendment: str | None,
    ratios: str | None,
    **arguments: Any,
) -> None:
    """Write down what will decide the verdicts of STUDY, and train nothing.

    The same as `kedro run --pipelines STUDY.register`. The record is
    data/06_models/STUDY/registration.yml, to be committed; `--params STUDY.amendment="why"`
    registers a changed declaration anew.

    STUDY may be a file of claims about runs that are trained elsewhere, as claims.yml: the record
    is claims.registration.yml beside it, which `latentlab judge --claims claims.yml` reads.
    """
    if Path(study).suffix in (".yml", ".yaml"):
        from datetime import UTC, datetime

        from latentlab.runs.judging.registering import register_claims

        metrics = [] if ratios is None else ratios.split("+")
        for line in register_claims(Path(study), amendment or "", metrics, datetime.now(UTC)):
            click.echo(line)
        return
    if amendment is not None or ratios is not None:
        raise UserError(
            f"{study} is no file of claims, and --amendment and --ratios are of one",
            f'Write --params {study}.amendment="why"; ratios are of its metrics.',
        )
    _run_stage(context, study, "register", arguments)


@cli.command(params=_of_a_study())
@click.pass_context
def verify(context: click.Context, /, study: str, **arguments: Any) -> None:
    """Derive the verdicts of STUDY anew, and say what departs.

    The confirmation of its sweep: `verify STUDY_sweep`.

    The same as `kedro run --pipelines STUDY.verify`: the registration's chain and commits, data,
    weights, scores, verdicts and their status, from the files. Give the --env and --params that
    they were run with. The exit status is not 0 where something departs.
    """
    _run_stage(context, study, "verify", arguments)


@cli.command()
@click.argument("study", required=False)
@click.option("--env", "-e", help="Environment, a folder of conf/; base without it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(study: str | None, env: str | None, as_json: bool) -> None:
    """Say how the training of STUDY stands, or of all studies: from its folder, by any engine.

    Trials that are done, run, wait and have failed, on which machines, and the time that is left;
    while another process trains, or after a driver has left its jobs with a cluster.
    """
    from dataclasses import asdict

    from kedro.framework.session import KedroSession

    from latentlab.studies.registry import STUDIES
    from latentlab.training.status import status_of

    created = KedroSession.create(env=env, save_on_close=False)
    with cast("KedroSession", created) as session:
        catalog = session.load_context().catalog
        stores = {name: catalog.load(f"{name}.store") for name in _studies_meant(study, STUDIES)}
    found = {name: one for name, store in stores.items() if (one := status_of(store)) is not None}
    if as_json:
        click.echo(json.dumps({name: asdict(one) for name, one in found.items()}, indent=1))
        return
    for name, one in found.items():
        click.echo("\n".join([f"{name}: {one.lines()[0]}", *one.lines()[1:]]))
    if not found:
        click.echo(f"Nothing was trained yet of {study or 'any study'} in this environment.")


@cli.command()
@click.argument("source")
@click.option("--metric", help="Column of scores, or a+b; none: the test score.")
@click.option("--better", help="higher or lower; none: as the metric's name says.")
@click.option("--arm", help="Column of the arms, or a+b together; none: what varies.")
@click.option("--seed", help="Column of the seed; none: one that is called so.")
@click.option("--control", help="The arm that others are compared with; none: one called so.")
@click.option("--claims", help="A file as a study's hypotheses.yml; none: each arm.")
@click.option("--printed", help="A file of what a report prints of the runs, to be audited.")
@click.option("--study", help="Of an Optuna storage: name of the study.")
@click.option("--table", help="Of a file: wide (a row a run) or long (a row a value).")
@click.option("--value", help="Which value of a metric counts: last, best, or at a step.")
@click.option("--scores", help="Of Hydra's runs: the file of scores in each folder.")
@click.option("--write-back", is_flag=True, help="Of MLflow: write verdicts there, as a new run.")
@click.option("--started", help="Of a file: column of the time a run began.")
@click.pass_context
def judge(context: click.Context, /, **said: str | bool | None) -> None:
    """Judge the runs of SOURCE: a file, a folder of runs, an Optuna storage, mlflow:<experiment>.

    The same as `kedro run --pipelines evidence --params evidence.source=SOURCE`.
    """
    _run_evidence(context, "evidence", said)


@cli.command()
@click.argument("source")
@click.option("--metric", help="Column of scores, or a+b; none: all of them.")
@click.option("--better", help="higher or lower; none: as the metric's name says.")
@click.option("--arm", help="Column of the arms, or a+b together; none: what varies, if clear.")
@click.option("--seed", help="Column of the seed; none: one that is called so.")
@click.option("--control", help="The arm that others are compared with; none: one called so.")
@click.option("--printed", help="A file of what a report prints of the runs.")
@click.option("--study", help="Of an Optuna storage: name of the study.")
@click.pass_context
def audit(context: click.Context, /, **said: str | None) -> None:
    """Say what to beware of in SOURCE: runs, a sweep file, a printed report; nothing is judged.

    The same as `kedro run --pipelines audit --params evidence.source=SOURCE`.
    """
    _run_evidence(context, "audit", said)


def _run_evidence(context: click.Context, name: str, said: Mapping[str, str | bool | None]) -> None:
    """Run a pipeline on runs that exist, as the options of a command have them."""
    block = {key: value for key, value in said.items() if value is not None}
    for key in {"source", "claims", "printed"} & set(block):
        # A file is meant from the present folder, which may lie below that of the project.
        if Path(str(block[key])).is_file():
            block[key] = str(Path(str(block[key])).resolve())
    _run_pipeline(context, name, {"params": {"evidence": block}})


def _run_stage(context: click.Context, study: str, name: str, arguments: dict[str, Any]) -> None:
    from latentlab.studies.registry import STUDIES

    sweeps = [f"{one.name}_sweep" for one in STUDIES.values() if not one.advises]
    _studies_meant(study, [*STUDIES, *(sweeps if name == "verify" else [])])
    _run_pipeline(context, f"{study}.{name}", arguments)


def _studies_meant(study: str | None, known: Collection[str]) -> list[str]:
    """Return the study that is named, or all of them.

    Raises:
        UserError: there is none of this name.
    """
    from latentlab.core.validation import nearest

    if study is None:
        return list(known)
    if study not in known:
        raise UserError(
            f"There is no study {study}",
            f"{nearest(study, list(known))} There are: {', '.join(known)}.",
        )
    return [study]


def _run_pipeline(context: click.Context, name: str, arguments: dict[str, Any]) -> None:
    defaults = kedro_run.make_context("run", []).params
    context.invoke(run, **{**defaults, **arguments, "pipelines": [name]})


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
