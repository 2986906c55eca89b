"""`judge`, `audit` and `compare`: runs that exist already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from latentlab.cli.json_output import as_json, print_json
from latentlab.cli.running import places_told, run_pipeline
from latentlab.runs.setting_names import in_options


@click.command()
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
@as_json
@click.pass_context
def judge(context: click.Context, /, in_json: bool, **said: str | bool | None) -> None:
    """Judge the runs of SOURCE: a file, a folder of runs, an Optuna storage, mlflow:<experiment>.

    The same as `kedro run --pipelines evidence --params evidence.source=SOURCE`.
    """
    _run_evidence(context, "evidence", said, ["verdicts"] if in_json else [])


@click.command()
@click.argument("source")
@click.option("--metric", help="Column of scores, or a+b; none: all of them.")
@click.option("--better", help="higher or lower; none: as the metric's name says.")
@click.option("--arm", help="Column of the arms, or a+b together; none: what varies, if clear.")
@click.option("--seed", help="Column of the seed; none: one that is called so.")
@click.option("--control", help="The arm that others are compared with; none: one called so.")
@click.option("--printed", help="A file of what a report prints of the runs.")
@click.option("--study", help="Of an Optuna storage: name of the study.")
@click.option("--follows", help="Of a sweep file: that of the sweep before it.")
@as_json
@click.pass_context
def audit(context: click.Context, /, in_json: bool, **said: str | None) -> None:
    """Say what to beware of in SOURCE: runs, a sweep file, a printed report; nothing is judged.

    The same as `kedro run --pipelines audit --params evidence.source=SOURCE`.
    """
    _run_evidence(context, "audit", said, ["findings"] if in_json else [])


@click.command()
@click.argument("first")
@click.argument("second")
@as_json
def compare(first: str, second: str, in_json: bool) -> None:
    """Say in what two runs of a study differ: configuration and versions, verdicts, scores.

    FIRST and SECOND are ids of runs in MLflow, or STUDY for its last run that reached its verdicts
    and STUDY~1 for the one before: `latentlab compare derp_vae~1 derp_vae`.
    """
    from latentlab.reporting.run_comparison import run_differences
    from latentlab.tracking.finished_runs import finished_run

    runs = {"first": finished_run(first), "second": finished_run(second)}
    tables = run_differences(runs["first"], runs["second"])
    named = {place: f"{run.name} ({run.id})" for place, run in runs.items()}
    if in_json:
        print_json(named | {name: table.to_dict("records") for name, table in tables.items()})
        return
    from latentlab.reporting.terminal import print_differences

    print_differences(named, tables)


def _run_evidence(
    context: click.Context,
    name: str,
    said: Mapping[str, str | bool | None],
    tables: Sequence[str],
) -> None:
    """Run a pipeline on runs that exist, as the options of a command have them.

    Args:
        context: of the command.
        name: of the pipeline.
        said: the options.
        tables: that are printed as JSON, with where to look for the rest; none: the run tells.
    """
    block = {key: value for key, value in said.items() if value is not None}
    for key in {"source", "claims", "printed", "follows"} & set(block):
        # A file is meant from the present folder, which may lie below that of the project.
        if Path(str(block[key])).is_file():
            block[key] = str(Path(str(block[key])).resolve())
    with in_options(said):
        written = run_pipeline(context, name, {"params": {"evidence": block}}, apart=bool(tables))
    if tables:
        found = {table: written[f"{name}.{table}"].load() for table in tables}
        print_json(
            {table: rows.to_dict("records") for table, rows in found.items()}
            | {"where": places_told()}
        )
