"""`latentlab examine`: from a registered model to an answer, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from labs.project_copies import ProjectCopy, empty_store
from latentlab.cli.examination import examine
from latentlab.core.errors import UserError
from latentlab.tracking.named_trials import named_trial


def test_a_registered_model_is_examined(smoke_project: ProjectCopy, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(smoke_project.root, root, ignore=shutil.ignore_patterns("mlartifacts"))
    arguments = ("derp_vae@champion", "--env", "smoke", "--seeds", "3", "--json")
    done = ProjectCopy(root).kedro("examine", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # Two epochs on 200 digits teach nothing.
    assert found["verdict"] in ("inconclusive", "collapsed")
    assert found["units"] == 2
    assert {one["hypothesis"] for one in found["claims"]} <= set(found["levers"])
    assert "Samples" in (Path(found["report"]) / "index.html").read_text()


def test_what_cannot_be_examined_is_told_in_a_line() -> None:
    for target, said in {
        "derp_vea": "no study derp_vea. Did you mean derp_vae",
        "least_volume": r"latent_model\(model\)",
    }.items():
        with pytest.raises(UserError, match=said):
            CliRunner().invoke(examine, [target], catch_exceptions=False)


def test_no_such_run_or_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{empty_store(tmp_path)}")
    assert named_trial("derp_vae") is None
    for reference in ("0" * 32, "derp_vae@champion", "models:/derp_vae/3"):
        with pytest.raises(UserError, match=f"nothing that is called {reference}"):
            named_trial(reference)
