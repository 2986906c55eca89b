"""`latentlab export`: the last run of a study as files for a paper."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from labs.project_copies import ProjectCopy
from latentlab.cli import cli, export
from latentlab.core.errors import UserError
from latentlab.reporting.verdict_prose import REHEARSAL


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
    methods = (to / "methods.md").read_text()
    assert methods.startswith(f"{REHEARSAL} On digits we compared 6 arms")
    assert REHEARSAL in done.stdout
    stands = done.stdout.splitlines()[0]
    assert stands.startswith("derp_vae on digits: 6 arms with 3 seeds, 0 to 2; judged at 20")
    assert stands.endswith("with --env smoke.")
    drawn = {path.name for path in (to / "figures").iterdir()}
    assert {"forest.pdf", "strip-accuracy-test.svg", "curve-validation_kl.pdf"} <= drawn


def test_what_is_exported_as_json(smoke_project: ProjectCopy, tmp_path: Path) -> None:
    to = tmp_path / "paper"
    done = smoke_project.kedro("export", "derp_vae", "--env", "smoke", "--to", str(to), "--json")
    found = json.loads(done.stdout)
    assert (found["study"], found["env"], found["params"]) == ("derp_vae", "smoke", {})
    assert found["rehearsal"]
    assert datetime.fromisoformat(found["judged_at"]) < datetime.now(UTC)
    assert found["files"] == sorted(
        path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()
    )


def test_a_run_with_other_settings_is_named_and_not_exported(
    smoke_project: ProjectCopy, tmp_path: Path
) -> None:
    to = tmp_path / "paper"
    given = ("export", "derp_vae", "--env", "smoke", "--to", str(to))
    done = smoke_project.kedro(
        *given, "--params", "derp_vae.training.epochs=7,derp_vae.seeds.count=4"
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "derp_vae.seeds.count is 4, the verdicts were made with 3 (2 settings differ)." in line
    assert f"latentlab export derp_vae --to {to} --env smoke; or run the study: kedro run" in line
    assert not to.exists()


def test_what_was_not_run_is_named(smoke_project: ProjectCopy, tmp_path: Path) -> None:
    done = smoke_project.kedro("export", "derp_vae", "--to", str(tmp_path / "paper"))
    assert "derp_vae has no verdicts, comparison, trials, scores, history" in done.stderr
    assert done.stderr.rstrip().endswith("Run it to its end: kedro run --pipelines derp_vae")


def test_a_search_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="latentlab export derp_vae"):
        CliRunner().invoke(
            export, ["derp_vae_sweep", "--to", str(tmp_path)], catch_exceptions=False
        )


def test_no_such_study(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no study derp_vea"):
        CliRunner().invoke(export, ["derp_vea", "--to", str(tmp_path)], catch_exceptions=False)


def test_a_shell_completes_names_of_studies() -> None:
    complete = ShellComplete(cli, {}, "latentlab", "_LATENTLAB_COMPLETE")
    for command in ("export", "status"):
        found = complete.get_completions([command], "derp")
        assert [one.value for one in found] == ["derp_vae"]
