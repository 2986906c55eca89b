"""`--json`: the answer alone on standard output, with the exit status that there is without it."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from labs.project_copies import ProjectCopy, copy_project
from latentlab.cli import cli
from latentlab.core.errors import UserError

STUDY = "derp_vae"
CLAIMS = """
study: runs
families: {primary: {status: exploratory}}
hypotheses:
  better:
    question: the new one is better
    kind: superiority
    metric: {name: test_acc, split: test, better: higher}
    arms: {treatment: new, control: control}
    test: {primary: paired_t, sides: one}
    min_effect: 0.01
    min_seeds: 3
    family: primary
"""


@pytest.fixture(scope="module")
def lab(smoke_project: ProjectCopy, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A finished study, which commands may add to."""
    root = tmp_path_factory.mktemp("json") / "project"
    shutil.copytree(smoke_project.root, root)
    return ProjectCopy(root)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project in which nothing was run, with a table of runs that exist."""
    project = copy_project(tmp_path_factory.mktemp("json") / "project")
    runs = pd.DataFrame({"model": ["control", "new"] * 6, "seed": [k // 2 for k in range(12)]})
    runs["test_acc"] = [0.5 + 0.1 * (k % 2) + 0.01 * (k % 5) for k in range(12)]
    runs.to_csv(project.root / "runs.csv", index=False)
    return project


def answer(project: ProjectCopy, *arguments: str, status: int = 0) -> Any:
    done = project.kedro(*arguments, "--json")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def test_verify(lab: ProjectCopy) -> None:
    given = ("verify", STUDY, "--env", "smoke")
    found = answer(lab, *given)
    assert (found["study"], found["holds"]) == (STUDY, True)
    assert {"check": "data", "found": "", "holds": True} in found["checks"]
    # Also where it ends with an error.
    found = answer(lab, *given, "--params", f"{STUDY}.seeds.count=2", status=1)
    assert found["holds"] is False
    departed = [check for check in found["checks"] if not check["holds"]]
    assert departed
    assert all(check["found"] for check in departed)


def test_register(lab: ProjectCopy) -> None:
    found = answer(lab, "register", STUDY, "--env", "smoke")
    stored = lab.root / "data/smoke/06_models" / STUDY / "registered.json"
    assert found == {"study": STUDY, **json.loads(stored.read_text())}


def test_judge(project: ProjectCopy) -> None:
    found = answer(project, "judge", "runs.csv")
    stored = pd.read_csv(project.root / "data/08_reporting/evidence/verdicts.csv")
    assert [row["verdict"] for row in found["verdicts"]] == list(stored["verdict"])
    assert list(found["verdicts"][0]) == list(stored)
    assert found["where"]["report"].endswith("evidence/report/index.html")
    # A question that only a person can answer.
    done = project.kedro("judge", "runs.csv", "--control", "neither", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "neither" in done.stderr.splitlines()[-1]


def test_audit(project: ProjectCopy) -> None:
    found = answer(project, "audit", "runs.csv")
    assert "D04" in [finding["rule"] for finding in found["findings"]]
    assert set(found["findings"][0]) >= {"name", "severity", "text", "remedy"}
    assert set(found["where"]) == {"report", "MLflow"}


def test_register_of_claims(project: ProjectCopy) -> None:
    (project.root / "claims.yml").write_text(CLAIMS)
    for is_new in (True, False):
        found = answer(project, "register", "claims.yml")
        assert (found["is_new"], found["claims"]) == (is_new, ["better"])
        assert found["exploratory"] == ["primary"]
        assert found["record"] == "claims.registration.yml"


def test_new_and_schema(project: ProjectCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    # Kedro has a command `new` of its own: these stand under `latentlab`.
    monkeypatch.chdir(project.root)
    bootstrap_project(project.root)

    def asked(*arguments: str) -> Any:
        done = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
        assert done.exit_code == 0
        return json.loads(done.stdout)

    found = asked("new", "study", "mine", "--program")
    assert (found["study"], found["then"]) == ("mine", "kedro run --pipelines mine")
    assert all((project.root / name).is_file() for name in found["files"])
    with pytest.raises(UserError, match="mine"):
        asked("new", "study", "mine", "--program")
    assert "conf/.schemas/parameters.json" in asked("schema")["files"]
