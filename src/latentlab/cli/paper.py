"""`export`: a study's last run for a paper."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentlab.cli.json_output import as_json, print_json
from latentlab.cli.running import of_a_study
from latentlab.core.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from latentlab.pipelines.outputs import Outputs, RunSettings

_TO = click.Option(
    ["--to"],
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write; an export that is there already is replaced.",
)
_TABLES = ("verdicts", "comparison", "trials")
_DRAWN = ("scores", "history")


@click.command(params=[*of_a_study(), _TO])
@as_json
def export(study: str, to: Path, env: str | None, params: dict[str, Any], in_json: bool) -> None:
    """Write tables (LaTeX, Markdown, CSV) and figures (PDF, SVG) of the last run of STUDY.

    With them a paragraph on methods, what did not go as planned, what is needed to reproduce it,
    numbers.csv (every number with the command that makes it anew), and main.tex, which has all.
    Nothing is computed anew. Give the --env and --params of the run: with others it is refused.
    """
    from kedro.framework.session import KedroSession

    from latentlab.cli.studies import studies_meant
    from latentlab.core.files import atomic_folder
    from latentlab.experiment.paper import paper
    from latentlab.pipelines.outputs import Outputs, run_settings
    from latentlab.pipelines.run_hook import stage_that_writes
    from latentlab.reporting.formatting import plural
    from latentlab.reporting.verdict_prose import REHEARSAL
    from latentlab.studies.registry import STUDIES

    searched = study.removesuffix("_sweep")
    if study.endswith("_sweep") and searched in STUDIES:
        raise UserError(
            f"{study} is a search, and export writes studies",
            f"Its tables are CSV files beside its report; the study: latentlab export {searched}",
        )
    studies_meant(study, [name for name, one in STUDIES.items() if not one.advises])
    session = KedroSession.create(env=env, runtime_params=params, save_on_close=False)
    with session:
        catalog = session.load_context().catalog
        record = Outputs(catalog.load(f"{study}.store").root)
        made, present = record.made("verdicts"), run_settings(study, catalog, env, params)
        if lacking := [n for n in (*_TABLES, *_DRAWN) if not catalog.exists(f"{study}.{n}")]:
            raise UserError(
                f"{study} has no {', '.join(lacking)} in the environment {present.env}",
                f"Run it to its end: {_command(study, present)}",
            )
        for name in _TABLES:
            _require_made_with(study, name, record, present, to)
        for name, source in record.mixed([*_TABLES, *_DRAWN]):
            raise UserError(
                f"The {name} of {study} were made from other {source} than the present ones",
                f"Run {study} to its end: {_command(study, present)}",
            )
        tables, drawn = (
            {name: catalog.load(f"{study}.{name}") for name in names} for names in (_TABLES, _DRAWN)
        )
        stages = {name: stage_that_writes(f"{study}.{name}")[1] for name in _TABLES}
        found = paper(
            STUDIES[study],
            catalog.load(f"params:{study}"),
            tables,
            **drawn,
            registered=catalog.load(f"{study}.registered"),
            run=_told(made),
            commands={name: _command(stage, present) for name, stage in stages.items()},
            rehearsal=catalog.load("params:rehearsal"),
        )
    files = found.files()
    with atomic_folder(to.resolve(), "numbers.csv") as folder:
        (folder / "figures").mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    seeds = sorted({int(seed) for seed in tables["trials"]["seed"]})
    if in_json:
        settings, at = made or (None, None)
        print_json(
            {
                "study": study,
                "dataset": found.dataset,
                "rehearsal": found.rehearsal,
                "arms": list(found.arms),
                "seeds": seeds,
                "env": settings and settings.env,
                "params": settings and settings.params,
                "judged_at": at and at.isoformat(timespec="seconds"),
                "to": str(to),
                "files": sorted(files),
            }
        )
        return
    on = f" on {found.dataset}" if found.dataset else ""
    click.echo(
        f"{study}{on}: {plural(len(found.arms), 'arm')} with "
        f"{plural(len(seeds), 'seed')}, {seeds[0]} to {seeds[-1]}; {_told(made)}."
    )
    if found.rehearsal:
        click.echo(REHEARSAL)
    click.echo(f"{to / 'main.tex'}: its tables and figures are beside it, also for other pages.")


def _require_made_with(
    study: str, name: str, record: Outputs, present: RunSettings, to: Path
) -> None:
    """Refuse a table that a run with other settings left; of an earlier version's nothing is known.

    Raises:
        UserError: it was made with others.
    """
    from latentlab.reporting.formatting import plural

    if (made := record.made(name)) is None:
        return
    then, _ = made
    keys = present.differing(then)
    if name != "verdicts":
        # Claims decide nothing but verdicts.
        keys = [key for key in keys if not key.startswith(f"{study}.hypotheses.")]
    if not keys:
        return
    now, before = (_shown(one.declared.get(keys[0])) for one in (present, then))
    more = f" ({plural(len(keys), 'setting')} differ)" if len(keys) > 1 else ""
    remedy = f"Run the study with the present ones: {_command(study, present)}"
    if _options(then) != _options(present):
        there = f"latentlab export {study} --to {shlex.quote(str(to))}{_options(then)}"
        remedy = f"Export what there is: {there}; or run the study: {_command(study, present)}"
    raise UserError(f"{keys[0]} is {now}, the {name} were made with {before}{more}", remedy)


def _told(made: tuple[RunSettings, datetime] | None) -> str:
    """Say which run left the verdicts."""
    if made is None:
        return "with which settings is not recorded, since an earlier version ran it"
    settings, at = made
    return f"judged at {at:%Y-%m-%d %H:%M} UTC with{_options(settings) or ' --env base'}"


def _shown(value: object) -> str:
    return "not set" if value is None else str(value)


def _command(pipeline: str, settings: RunSettings) -> str:
    """Return the command that runs a pipeline with these settings."""
    return f"kedro run --pipelines {pipeline}{_options(settings)}"


def _options(settings: RunSettings) -> str:
    """Return the options of a command that say these settings, after a space."""
    from latentlab.experiment.blocks import leaves

    said = [] if settings.env == "base" else ["--env", settings.env]
    pairs = ",".join(f"{key}={value}" for key, value in leaves(settings.params))
    said += ["--params", pairs] if pairs else []
    return "".join(f" {shlex.quote(word)}" for word in said)
