"""The study as conf declares it, and mistakes in its settings: one line that names the key."""

from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from labs.project_copies import CHECKOUT
from latentlab.studies.least_volume import STUDY

CONF = CHECKOUT / "conf/base/least_volume"
PROBLEMS = ("beams2d", "heat_conduction2d", "digits", "mnist", "low_rank", "manifolds")


@pytest.fixture(scope="module")
def block():
    parameters = yaml.safe_load((CONF / "parameters.yml").read_text())
    hypotheses = yaml.safe_load((CONF / "hypotheses.yml").read_text())
    return parameters["least_volume"] | hypotheses["least_volume"]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem_resolves(block, problem):
    declared = STUDY.declaration.model_validate(block | {"dataset": problem})
    claims = len(block["hypotheses"]["hypotheses"])
    skipped = len(declared.not_applicable)
    assert (skipped == 0) == ("reckless" in declared.configs)
    assert len(declared.applicable.hypotheses) == claims - skipped


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ({"training": {"epochs": 30}}, "objective.pruning.start_epoch 35 is not before the last"),
        (
            {"objective": {"pruning": {"safeguards": {"min_active": 33}}}},
            "safeguards.min_active 33 is more than model.latent_dim 32",
        ),
        ({"training": {"batch_size": 1}}, "training.batch_size"),
        ({"model": {"lipschitz_bound": 0.0}}, "model.lipschitz_bound"),
        ({"model": {"lipschitz_bound": -1.0}}, "model.lipschitz_bound"),
        ({"model": {"resolution": [8, 48]}}, "model.resolution"),
        ({"objective": {"pruning": {"threshold": 1.0}}}, "objective.pruning.threshold"),
        ({"objective": {"pruning": {"percentile": 0.0}}}, "objective.pruning.percentile"),
    ],
)
def test_mistakes_name_their_key_in_one_line(block, mistake, said):
    with pytest.raises(ValidationError) as caught:
        STUDY.declaration.model_validate(block | mistake)
    assert said in str(caught.value)
    assert all("\n" not in one["msg"] for one in caught.value.errors())
