"""`latentlab doctor` says what stands in the way, with its remedy, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from labs.project_copies import copy_project
from latentlab.cli import doctor
from latentlab.core.files import stamp


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_project(tmp_path_factory.mktemp("doctor") / "project").root
    bootstrap_project(root)
    return root


def checked(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status, and the checks by name."""
    result = CliRunner().invoke(doctor, [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, {check["name"]: check for check in json.loads(result.output)}


def test_a_project_that_is_well_and_one_that_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = stamp(project.rglob("*"))
    status, checks = checked()
    assert (status, [c for c in checks.values() if not c["well"]]) == (0, [])
    assert {"packages", "conf/base", "conf/gpu", "conf/smoke", "tracking", "disk"} <= set(checks)
    assert checks["tracking"]["said"].endswith("of this version of MLflow")
    assert stamp(project.rglob("*")) == before

    (project / "conf" / "smoke" / "notes.txt").write_text("mine")
    (project / "conf" / "gpu" / "more.yml").write_text("compute: {device: cuda}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    status, checks = checked("--env", "smoke")
    assert status == 1
    wrong = {name: check for name, check in checks.items() if not check["well"]}
    assert set(wrong) == {"conf/smoke", "conf/gpu", "tracking", "disk"}
    assert "conf/smoke/notes.txt: nothing reads this file" in wrong["conf/smoke"]["said"]
    assert "does not answer" in wrong["tracking"]["said"]
    assert all(check["remedy"] for check in wrong.values())


def test_plain_lines(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("latentlab.configuration.checkup._environments", lambda root: [])
    result = CliRunner().invoke(doctor, ["--env", "nowhere"])
    assert result.exit_code == 1
    assert "PROBLEM  conf/nowhere: There is no environment conf/nowhere" in result.output
