"""`latentlab new study` writes files that are valid, run, and please the linters."""

import subprocess
import sys

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from labs.project_copies import CHECKOUT, copy_project
from latentlab.compute import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.core.validation import validate
from latentlab.experiment.planning import plan_trials
from latentlab.experiment.programs.declaration import ProgramDeclaration
from latentlab.experiment.programs.source import find_program
from latentlab.scaffold.command import new
from latentlab.studies.declared import declared_programs
from latentlab.studies.registry import NAMES
from latentlab.training.store import TrialStore


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = copy_project(tmp_path / "project", with_store=False).root
    monkeypatch.chdir(root)
    return root


def write(*arguments):
    return CliRunner().invoke(new, ["study", *arguments], catch_exceptions=False)


def test_a_study_of_programs(project):
    done = write("mine", "--program")
    assert done.exit_code == 0
    assert "kedro run --pipelines mine" in done.output
    study = declared_programs(project, NAMES)["mine"]
    folder = project / "conf" / "base" / "mine"
    block = {
        key: value
        for name in ("parameters", "hypotheses")
        for key, value in yaml.safe_load((folder / f"{name}.yml").read_text())["mine"].items()
    }
    declaration = validate(ProgramDeclaration, block, "mine")
    source = find_program("program", declaration.program, project, "mine.program")
    first = plan_trials(study, declaration, source, "float32")[0]
    store = TrialStore(project / "store")
    with study.trainer(declaration, source, store, ComputeConfig(engine="inline")) as trainer:
        trainer.train([first])
    assert store.record(first.id).status == "finished", store.record(first.id).outcome
    assert len(store.history(first.id)["train_loss"]) == 10

    # As files of this checkout, where the package is no foreign one.
    for name in ("programs/mine/train.py", "tests/studies/test_mine.py"):
        for command in (["check"], ["format", "--check"]):
            checked = subprocess.run(
                [sys.executable, "-m", "ruff", *command, "--stdin-filename", name, "-"],
                input=(project / name).read_text(),
                cwd=CHECKOUT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert checked.returncode == 0, checked.stdout


def test_a_study_of_modules(tmp_path, monkeypatch):
    copy = copy_project(tmp_path / "project", with_source=True)
    monkeypatch.chdir(copy.root)
    done = write("mine", "--plain")
    assert done.exit_code == 0
    files = [line for line in done.output.splitlines() if line.endswith(".py")]
    assert len(files) == 7
    for command in (
        ["ruff", "check", "--no-cache", *files],
        ["ruff", "format", "--check", "--no-cache", *files],
        ["pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/studies/test_mine.py"],
    ):
        checked = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=copy.root,
            env=copy.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
    # Its first verdict is one: the arms differ, and not by the same number in every seed.
    few = "mine.seeds.count=3,mine.hypotheses.defaults.min_seeds=3"
    ran = copy.kedro("run", "-q", "--env", "smoke", "--pipelines", "mine", "--params", few)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (row,) = pd.read_csv(copy.root / "data/smoke/08_reporting/mine/verdicts.csv").to_dict("records")
    assert row["verdict"] == "supported"
    assert row["interval_low"] < row["interval_high"]
    assert row["p_supported_adjusted"] > 0


def test_for_a_script_that_exists(project):
    (project / "there").mkdir()
    write("mine", "--program", "--directory", "there")
    assert not (project / "programs").exists()
    content = yaml.safe_load((project / "conf/base/mine/parameters.yml").read_text())
    assert content["mine"]["program"]["directory"] == "there"


def test_nothing_is_overwritten_and_names_are_names(project):
    write("mine", "--program")
    for arguments, what in (
        (["mine", "--program"], "exists already"),
        (["derp_vae", "--program"], "There is a study derp_vae already"),
        (["My-Study", "--program"], "is no name of a study"),
        (["other"], "say which kind of study"),
        (["other", "--plain", "--program"], "--plain and --program are two kinds of study"),
        (["other", "--plain", "--directory", "."], "--directory is of a study with --program"),
    ):
        with pytest.raises(UserError, match=what):
            write(*arguments)
