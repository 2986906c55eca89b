"""`schema` and `doctor`: the project itself."""

from __future__ import annotations

import sys

import click

from latentlab.cli.json_output import as_json, print_json


@click.command()
@as_json
def schema(in_json: bool) -> None:
    """Write the JSON Schema of conf/, by which editors complete keys and underline mistakes.

    It goes to conf/.schemas, which the first line of each file names; write it anew after a change
    of a study's settings.
    """
    from latentlab.configuration.schema import write_schemas
    from latentlab.tracking.store_address import project_root

    root = project_root()
    written = [str(path.relative_to(root)) for path in write_schemas(root / "conf")]
    if in_json:
        print_json({"files": written})
        return
    click.echo("\n".join(written))


@click.command()
@click.option("--env", default="base", help="Environment of the runs; base without it.")
@as_json
def doctor(env: str, in_json: bool) -> None:
    """Look for what stands in the way of a run: packages, device, tracking, disk, conf/.

    Nothing is changed. The exit status is not 0 where something stands in the way.
    """
    from dataclasses import asdict

    from kedro.framework.project import settings

    from latentlab.configuration.checkup import checkup
    from latentlab.tracking.store_address import project_root

    checks = []
    for check in checkup(project_root(), env, settings.CONFIG_LOADER_ARGS):
        checks.append(check)
        if not in_json:
            click.echo(f"{'ok     ' if check.well else 'PROBLEM'}  {check.name}: {check.said}")
            if check.remedy:
                click.echo(f"         {check.remedy}")
    if in_json:
        print_json([asdict(check) for check in checks])
    sys.exit(not all(check.well for check in checks))
