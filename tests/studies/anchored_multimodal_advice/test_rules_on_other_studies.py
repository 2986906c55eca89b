"""The catalogue's rules on the other studies, as they are declared."""

from __future__ import annotations

import pytest
import yaml

from labs.project_copies import CHECKOUT
from latentlab.experiment.advice import TRAINING_KEYS, Facts, advise
from latentlab.studies.anchored_multimodal_advice.rules import CATALOGUE
from latentlab.studies.registry import STUDIES

NAMES = ("derp_vae", "mixture_harmonium", "arc_classifier", "least_volume")


def config_of(name):
    """The control arm of a study's default data set."""
    study = STUDIES[name]
    block = {}
    for path in sorted((CHECKOUT / "conf" / "base" / name).glob("*.yml")):
        block |= yaml.safe_load(path.read_text())[name]
    declaration = study.declaration.model_validate(block)
    return declaration.configs[declaration.control(study.control)]


def advice_on(name, keys=TRAINING_KEYS, **facts):
    """Advice by rule."""
    found = advise(config_of(name).model_dump(), keys, Facts(**facts), CATALOGUE)
    return {one.rule.name: one for one in found}


def statuses(found, *names):
    return {name: found[name].result.status for name in names}


GENERIC = ("batch_size", "schedule", "optimiser", "epochs", "gradient_clip", "weight_decay")


def test_derp_vae():
    found = advice_on("derp_vae", training_examples=1293)
    assert statuses(found, *GENERIC) == dict.fromkeys(GENERIC, "good")
    assert "plateau" in found["schedule"].result.rationale
    measured = advice_on("derp_vae", epochs_to_plateau=80)
    assert measured["epochs"].changes == {"training.epochs": 80}


def test_mixture_harmonium():
    found = advice_on("mixture_harmonium", training_examples=1293)
    assert statuses(found, "batch_size", "epochs", "optimiser") == {
        "batch_size": "good",
        "epochs": "good",
        "optimiser": "good",
    }
    assert found["schedule"].result.status in {"good", "missing"}


def test_arc_classifier():
    few = advice_on("arc_classifier", training_examples=144)
    assert few["batch_size"].result.status == "good"
    many = advice_on("arc_classifier", training_examples=4000)
    assert many["batch_size"].changes == {"training.batch_size": 64}
    assert few["epochs"].changes == {"training.epochs": 50}
    assert few["schedule"].result.status == "good"
    # Its head is one hidden layer, under its own names.
    keys = {**TRAINING_KEYS, "latent_dim": "model.embedding", "head_hidden": "model.cnn.mlp_hidden"}
    named = advice_on("arc_classifier", keys, backbone_width=1024)
    assert named["latent_dim"].changes == {"model.embedding": 256}
    assert named["head_hidden"].changes == {"model.cnn.mlp_hidden": 512}


def test_least_volume():
    keys = {**TRAINING_KEYS, "latent_dim": "model.latent_dim"}
    found = advice_on("least_volume", keys, training_examples=800, backbone_width=64)
    assert found["schedule"].changes == {
        "training.schedule": "linear",
        "training.final_factor": 0.01,
    }
    assert found["gradient_clip"].result.status == "missing"
    assert found["latent_dim"].result.status == "good"


@pytest.mark.parametrize("name", NAMES)
def test_rules_about_what_a_study_lacks_judge_nothing(name):
    found = advice_on(name)
    for rule in ("pretrained_rate", "text_encoder", "group_warmup", "loss_weights", "anchors"):
        assert found[rule].result.status == "not judged"
        assert found[rule].changes == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_recommended_resolves(name):
    """Every change is a valid setting of the study."""
    config = config_of(name)
    for one in advice_on(name, training_examples=10_000).values():
        block = config.model_dump(mode="json")
        for key, value in one.changes.items():
            outer, _, last = key.partition(".")
            assert last in block[outer]
            block[outer][last] = value
        type(config).model_validate(block)
