"""`latentlab plan`: what a run would take and could show, and nothing is kept but plans."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from labs.project_copies import ProjectCopy
from latentlab.cli import plan
from latentlab.core.errors import UserError
from latentlab.core.files import stamp


def test_a_forecast_of_more_seeds_than_were_run(smoke_project: ProjectCopy) -> None:
    def files() -> object:
        there = (smoke_project.root / "data").rglob("*")
        return stamp(path for path in there if path.name != "plans.json")

    before = files()
    done = smoke_project.kedro(
        *("plan", "derp_vae", "--env", "smoke", "--params", "derp_vae.seeds.count=4", "--json")
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["planned"], found["known"], found["to_train"]) == (24, 18, 6)
    assert set(found["stages"]) == {
        *("start", "data_preparation", "training", "evaluation"),
        *("hypothesis_testing", "reporting"),
    }
    assert found["seconds"] == pytest.approx(sum(found["stages"].values()))
    claims = {claim["hypothesis"]: claim for claim in found["claims"]}
    assert claims["accuracy_kept"]["pilot"]["seeds"] == 3
    assert claims["accuracy_kept"]["seeds"] == 4
    assert files() == before


def test_a_sweep_is_not_planned_beforehand() -> None:
    with pytest.raises(UserError, match="chooses its trials as it goes"):
        CliRunner().invoke(plan, ["derp_vae_sweep"], catch_exceptions=False)


@pytest.mark.parametrize("name", ["nope", "derp_vea"])
def test_studies_are_listed_once(name: str) -> None:
    with pytest.raises(UserError) as caught:
        CliRunner().invoke(plan, [name], catch_exceptions=False)
    said = str(caught.value)
    assert said.count("derp_vae") == 1
    assert said.endswith(("Did you mean derp_vae?", "."))
