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


@pytest.mark.parametrize("study", [STUDIES["derp_vae"], STUDY])
def test_levers_of_a_study_are_of_its_configuration(study) -> None:
    require_examinable(study)
    config = study.declaration.config_class()
    for lever in levers_of(study).values():
        assert lever.pulled(config) != config
