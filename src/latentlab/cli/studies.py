"""`register`, `verify` and `status`: a study before it is trained, meanwhile and after."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from latentlab.cli.json_output import as_json, print_json
from latentlab.cli.running import of_a_study, run_pipeline, studies_beginning
from latentlab.core.errors import UserError

_OF_CLAIMS = [
    click.Option(["--amendment"], help="Of a file of claims: why they change."),
    click.Option(["--ratios"], help="Of a file of claims: metrics compared by ratios, a+b."),
]


@click.command(params=[*of_a_study(), *_OF_CLAIMS])
@as_json
@click.pass_context
def register(
    context: click.Context,
    /,
    study: str,
    amendment: str | None,
    ratios: str | None,
    in_json: bool,
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
        from dataclasses import asdict
        from datetime import UTC, datetime

        from latentlab.runs.judging.registering import register_claims

        metrics = [] if ratios is None else ratios.split("+")
        done = register_claims(Path(study), amendment or "", metrics, datetime.now(UTC))
        if in_json:
            content = {**asdict(done), "record": str(done.record), "at": done.at.isoformat()}
            print_json(content)
        else:
            click.echo("\n".join(done.lines()))
        return
    if amendment is not None or ratios is not None:
        raise UserError(
            f"{study} is no file of claims, and --amendment and --ratios are of one",
            f'Write --params {study}.amendment="why"; ratios are of its metrics.',
        )
    written = _run_stage(context, study, "register", arguments, in_json)
    if in_json:
        print_json({"study": study, **written[f"{study}.registered"].load()})


@click.command(params=of_a_study())
@as_json
@click.pass_context
def verify(context: click.Context, /, study: str, in_json: bool, **arguments: Any) -> None:
    """Derive the verdicts of STUDY anew, and say what departs.

    The confirmation of its sweep: `verify STUDY_sweep`.

    The same as `kedro run --pipelines STUDY.verify`: the registration's chain and commits, data,
    weights, scores, verdicts and their status, from the files. Give the --env and --params that
    they were run with. The exit status is not 0 where something departs.
    """
    from latentlab.pipelines.verification import ChecksFailed

    def told(checks: Any) -> None:
        rows = checks.assign(holds=checks["found"] == "").to_dict("records")
        print_json({"study": study, "holds": all(row["holds"] for row in rows), "checks": rows})

    if not in_json:
        _run_stage(context, study, "verify", arguments)
        return
    try:
        written = _run_stage(context, study, "verify", arguments, apart=True)
    except ChecksFailed as failed:
        told(failed.checks)
        raise
    (checks,) = written.values()
    told(checks.load())


@click.command()
@click.argument("study", required=False, shell_complete=studies_beginning)
@click.option("--env", "-e", help="Environment, a folder of conf/; base without it.")
@as_json
def status(study: str | None, env: str | None, in_json: bool) -> None:
    """Say how the training of STUDY stands, or of all studies: from its folder, by any engine.

    Trials that are done, run, wait and have failed, on which machines, and the time that is left;
    while another process trains, or after a driver has left its jobs with a cluster.
    """
    from dataclasses import asdict

    from kedro.framework.session import KedroSession

    from latentlab.studies.registry import STUDIES
    from latentlab.training.status import status_of

    session = KedroSession.create(env=env, save_on_close=False)
    with session:
        catalog = session.load_context().catalog
        stores = {name: catalog.load(f"{name}.store") for name in studies_meant(study, STUDIES)}
    found = {name: one for name, store in stores.items() if (one := status_of(store)) is not None}
    if in_json:
        print_json({name: asdict(one) for name, one in found.items()})
        return
    for name, one in found.items():
        click.echo("\n".join([f"{name}: {one.lines()[0]}", *one.lines()[1:]]))
    if not found:
        click.echo(f"Nothing was trained yet of {study or 'any study'} in this environment.")


@click.command(params=of_a_study())
@as_json
def plan(study: str, env: str | None, params: dict[str, Any], in_json: bool) -> None:
    """Say what a run of STUDY would take and could show, before anything is trained.

    Trials, time by stage, memory, and for each claim the smallest effect that the declared seeds
    show with 80 % power. Nothing is registered or trained, and nothing is kept but the plans that
    are measured, which the run then takes. A study with more trials than this machine can time
    takes as long as its training plans take to be measured: seconds to minutes.
    """
    from kedro.framework.session import KedroSession

    from latentlab.experiment.forecast import forecast
    from latentlab.pipelines.data_preparation import look_at_program, prepare
    from latentlab.studies.registry import STUDIES

    swept = STUDIES.get(study.removesuffix("_sweep"))
    if study.endswith("_sweep") and swept is not None and not swept.advises:
        raise UserError(
            f"{study} is a sweep, which chooses its trials as it goes: plan is of a study's arms",
            "latentlab audit says how many runs a sweep's file makes, such as "
            f"conf/base/{swept.name}/sweeps/default.yml, and what is to beware of in it.",
        )
    studies_meant(study, STUDIES)
    one = STUDIES[study]
    if in_json:
        # What is logged would stand among it.
        logging.disable()
    session = KedroSession.create(env=env, runtime_params=params, save_on_close=False)
    with session:
        catalog = session.load_context().catalog
        declaration, compute = (catalog.load(f"params:{name}") for name in (study, "compute"))
        made_from: Any
        begun = time.perf_counter()
        if one.runs_programs:
            made_from, _ = look_at_program(one, declaration, compute)
        else:
            made_from, _ = prepare(one, declaration, compute, catalog.load("params:raw_data"))
        preparing = time.perf_counter() - begun
        earlier = {
            name: catalog.load(f"{study}.{name}") if catalog.exists(f"{study}.{name}") else None
            for name in ("scores", "trials")
        }
        found = forecast(
            one,
            declaration,
            compute,
            made_from,
            catalog.load(f"{study}.store"),
            earlier["scores"],
            earlier["trials"],
            preparing,
        )
    if in_json:
        print_json(found.content())
        return
    click.echo("\n".join(found.lines()))


def _run_stage(
    context: click.Context, study: str, name: str, arguments: dict[str, Any], apart: bool = False
) -> dict[str, Any]:
    from latentlab.studies.registry import STUDIES

    sweeps = [f"{one.name}_sweep" for one in STUDIES.values() if not one.advises]
    studies_meant(study, [*STUDIES, *(sweeps if name == "verify" else [])])
    return run_pipeline(context, f"{study}.{name}", arguments, apart)


def studies_meant(study: str | None, known: Collection[str]) -> list[str]:
    """Return the study that is named, or all of them.

    Raises:
        UserError: there is none of this name.
    """
    from latentlab.core.validation import nearest

    if study is None:
        return list(known)
    if study not in known:
        raise UserError(f"There is no study {study}", nearest(study, list(known)))
    return [study]
