"""`latentlab new study`: writes a study that runs, for somebody to change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from latentlab.core.errors import UserError
from latentlab.scaffold.files import TEST, plain_places, register, require_name, write_study


@click.group(name="new")
def new() -> None:
    """Write the first files of something new."""


@new.command("study")
@click.argument("name")
@click.option("--plain", is_flag=True, help="Its trials train a PyTorch module.")
@click.option("--program", is_flag=True, help="Its trials are a command: any training script.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Where your script is; none: an example is written into programs/NAME.",
)
@click.option("--json", "in_json", is_flag=True, help="Print JSON, for programs.")
def study(name: str, plain: bool, program: bool, directory: Path | None, in_json: bool) -> None:
    """Write configuration, claims and a test of the study NAME.

    docs/adding_a_study.md and docs/programs.md say what they mean, and which lines to change.
    """
    from latentlab.studies.registry import STUDIES
    from latentlab.tracking.store_address import project_root

    if plain and program:
        raise UserError(
            f"latentlab new study {name}: --plain and --program are two kinds of study",
            "Leave one of them out.",
        )
    if not plain and not program:
        raise UserError(
            f"latentlab new study {name}: say which kind of study",
            "Add --plain for a PyTorch module, or --program for a script as it stands.",
        )
    if plain and directory is not None:
        raise UserError("--directory is of a study with --program", "Leave it out.")
    require_name(name, STUDIES)
    root = project_root()
    if plain:
        words = {"name": name, "title": name.replace("_", " ").capitalize()}
        written = write_study(root, "plain", plain_places(name), words)
        written.append(register(root, name))
    else:
        written = _of_programs(root, name, directory)
    files, then = [str(path.relative_to(root)) for path in written], f"kedro run --pipelines {name}"
    if in_json:
        click.echo(json.dumps({"study": name, "files": files, "then": then}, indent=2))
        return
    click.echo("\n".join([*files, f"Then: {then}"]))


def _of_programs(root: Path, name: str, directory: Path | None) -> list[Path]:
    places = {
        "parameters.yml": f"conf/base/{name}/parameters.yml",
        "hypotheses.yml": f"conf/base/{name}/hypotheses.yml",
        "test.py": TEST.format(name=name),
    }
    if directory is None:
        places["train.py"] = f"programs/{name}/train.py"
        where = f"programs/{name}"
    else:
        where = os.path.relpath(directory.resolve(), root)
    return write_study(root, "program", places, {"name": name, "directory": where})
