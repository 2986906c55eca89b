"""What the commands say of themselves, and where there is no project."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from latentlab.cli import cli
from latentlab.configuration.parameters import validated
from latentlab.core.errors import UserError


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)


@pytest.mark.parametrize("words", list(commands(cli)), ids=" ".join)
def test_help_has_no_sections_of_docstrings(words: tuple[str, ...]) -> None:
    said = CliRunner().invoke(cli, [*words, "--help"], catch_exceptions=False).output
    assert not {"Raises:", "Args:", "Returns:"} & set(said.split())


def test_the_fewest_seeds_of_an_examination_are_said_once() -> None:
    said = CliRunner().invoke(cli, ["examine", "--help"], catch_exceptions=False).output
    assert "[x>=3]" in said
    assert "at least" not in said


def test_outside_of_a_project_there_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from latentlab.cli import main; main()", "judge", "runs.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "lies in no project" in line


def test_a_setting_of_studies_is_wanted_below_one() -> None:
    with pytest.raises(UserError) as caught:
        validated({"seeds": {"count": 3}, "comput": {}})
    said = str(caught.value)
    assert "seeds: there is no such key (write the study before it: derp_vae.seeds)" in said
    assert "comput: there is no such key (did you mean compute?)" in said
