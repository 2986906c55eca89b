"""`export`: a study's last run for a paper."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from latentlab.cli.running import of_a_study
from latentlab.core.errors import UserError

_TO = click.Option(
    ["--to"],
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write; an export that is there already is replaced.",
)
_TABLES = ("verdicts", "comparison", "trials")
_DRAWN = ("scores", "history")


@click.command(params=[*of_a_study(), _TO])
def export(study: str, to: Path, env: str | None, params: dict[str, Any]) -> None:
    """Write tables (LaTeX, Markdown, CSV) and figures (PDF, SVG) of the last run of STUDY.

    With them a paragraph on methods, what did not go as planned, what is needed to reproduce it,
    numbers.csv (every number with the command that makes it anew), and main.tex, which has all.
    Nothing is computed anew. Give the --env and --params of the run.
    """
    from kedro.framework.session import KedroSession

    from latentlab.cli.studies import studies_meant
    from latentlab.core.files import atomic_folder
    from latentlab.experiment.paper import paper
    from latentlab.pipelines.outputs import Outputs
    from latentlab.pipelines.run_hook import stage_that_writes
    from latentlab.studies.registry import STUDIES

    studies_meant(study, [name for name, one in STUDIES.items() if not one.advises])
    session = KedroSession.create(env=env, runtime_params=params, save_on_close=False)
    with session:
        catalog = session.load_context().catalog
        record = Outputs(catalog.load(f"{study}.store").root / "outputs.json")
        for made, source in record.mixed([*_TABLES, *_DRAWN]):
            raise UserError(
                f"The {made} of {study} were made from other {source} than the present ones",
                f"Run {study} to its end: {_command(study, env, params)}",
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
            commands={name: _command(stage, env, params) for name, stage in stages.items()},
        )
    with atomic_folder(to.resolve(), "numbers.csv") as folder:
        (folder / "figures").mkdir()
        for name, content in found.files().items():
            (folder / name).write_bytes(content)
    click.echo(f"{to / 'main.tex'}: its tables and figures are beside it, also for other pages.")


def _command(pipeline: str, env: str | None, params: dict[str, Any]) -> str:
    """Return the command that runs a pipeline with these settings."""
    said = ["kedro", "run", "--pipelines", pipeline]
    said += ["--env", env] if env else []
    pairs = ",".join(f"{key}={value}" for key, value in _leaves(params))
    return shlex.join([*said, "--params", pairs] if pairs else said)


def _leaves(settings: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in settings.items():
        name = f"{above}{key}"
        found += _leaves(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return found
