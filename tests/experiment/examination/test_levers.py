"""What a study says of itself: its levers, and what is told where it does not."""

from __future__ import annotations

import pytest

from labs.planted_vae import STUDY
from labs.planted_vae.config import PlantedVaeConfig
from latentlab.core.errors import UserError
from latentlab.experiment.examination.levers import (
    Lever,
    epochs_share,
    levers_of,
    require_examinable,
    times,
    to,
)
from latentlab.studies.registry import STUDIES
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig


@pytest.mark.parametrize(
    ("lever", "value"),
    [
        (times("objective.kl_weight", 0.1), 0.12),
        (to("objective.kl_weight", 1.0), 1.0),
        (epochs_share("objective.kl_warmup_epochs", 0.5), 15.0),
    ],
)
def test_a_lever_changes_its_setting_alone(lever: Lever, value: float) -> None:
    config = PlantedVaeConfig()
    pulled = lever.pulled(config)
    assert lever.of(pulled) == pytest.approx(value)
    back = to(lever.setting, lever.of(config)).pulled(pulled)
    assert back == config


def test_what_cannot_be_pulled_is_named() -> None:
    with pytest.raises(UserError, match=r"objective\.kl_wight.*objective\.kl_weight"):
        to("objective.kl_wight", 1.0).pulled(PlantedVaeConfig())
    with pytest.raises(UserError, match=r"LEVERS: training\.learning_rate"):
        times("training.learning_rate", 0.0).pulled(PlantedVaeConfig())


def test_a_study_that_says_nothing_is_told_all_that_it_lacks() -> None:
    with pytest.raises(UserError, match=r"latent_model\(model\).*LEVERS"):
        require_examinable(STUDIES["least_volume"])


@pytest.mark.parametrize("study", [STUDIES["derp_vae"], STUDIES["vae_objectives"], STUDY])
def test_levers_of_a_study_are_of_its_configuration(study) -> None:
    require_examinable(study)
    config = study.declaration.config_class()
    pulled = {cause: lever.pulled(config) for cause, lever in levers_of(study).items()}
    assert {"kl_weight", "learning_rate"} <= {c for c, other in pulled.items() if other != config}


@pytest.mark.parametrize("kind", ["iwae", "capacity", "vamp", "beta_tc"])
def test_levers_leave_alone_what_an_objective_does_not_read(kind: str) -> None:
    own = {"capacity": {"capacity": 5.0}, "beta_tc": {"weight": 3.0}}
    config = VaeObjectivesConfig.model_validate({"objective": {"kind": kind, **own.get(kind, {})}})
    levers = levers_of(STUDIES["vae_objectives"])
    changed = {cause for cause, lever in levers.items() if lever.pulled(config) != config}
    expected = {
        "iwae": set(),
        "capacity": {"kl_weight", "rise"},
        "vamp": {"kl_weight"},
        "beta_tc": {"kl_weight", "penalty"},
    }
    assert changed == {"learning_rate"} | expected[kind]
