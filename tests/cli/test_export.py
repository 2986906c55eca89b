"""`latentlab export`: the last run of a study as files for a paper."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from labs.project_copies import ProjectCopy
from latentlab.cli import cli, export
from latentlab.core.errors import UserError


def test_what_a_run_left_is_exported_as_it_stands(
    smoke_project: ProjectCopy, tmp_path: Path
) -> None:
    to = tmp_path / "paper"
    done = smoke_project.kedro("export", "derp_vae", "--env", "smoke", "--to", str(to))
    assert done.returncode == 0, done.stderr
    left = smoke_project.root / "data/smoke/08_reporting/derp_vae"
    for name in ("verdicts", "comparison"):
        stored, exported = (pd.read_csv(folder / f"{name}.csv") for folder in (left, to))
        pd.testing.assert_frame_equal(exported, stored)
    commands = set(pd.read_csv(to / "numbers.csv")["command"])
    assert "kedro run --pipelines derp_vae.hypothesis_testing --env smoke" in commands
    assert "On digits we compared 6 arms" in (to / "methods.md").read_text()


def test_no_such_study(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no study derp_vea"):
        CliRunner().invoke(export, ["derp_vea", "--to", str(tmp_path)], catch_exceptions=False)


def test_a_shell_completes_names_of_studies() -> None:
    complete = ShellComplete(cli, {}, "latentlab", "_LATENTLAB_COMPLETE")
    for command in ("export", "status"):
        found = complete.get_completions([command], "derp")
        assert [one.value for one in found] == ["derp_vae"]
