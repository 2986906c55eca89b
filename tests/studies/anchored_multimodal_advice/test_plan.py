"""The report's twelve sections and six predictions, and the arms and claims that measure them.

What the report says stands here as it was published: titles, status marks, recommendations.
"""

from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from labs.advice_report import PREDICTED, declared
from labs.declarations import CONF
from latentlab.experiment.advice import Facts
from latentlab.experiment.blocks import differences
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal_advice import AdviceDeclaration
from latentlab.studies.anchored_multimodal_advice.advice import (
    FILES,
    document,
    order_table,
    recommended_config,
    status_table,
)
from latentlab.studies.anchored_multimodal_advice.plan import advise_on
from latentlab.studies.anchored_multimodal_advice.reported_names import read_configuration

REPORTED = str(CONF / "anchored_multimodal_advice" / "configurations" / "reported.yml")

SECTIONS = {
    1: ("Learning Rate Strategy", "HIGH", "rate"),
    2: ("Batch Size", "MEDIUM", "Batch"),
    3: ("Latent Dimension", "MEDIUM", "Latent"),
    4: ("Text Encoder", "HIGH", "Text encoder"),
    5: ("Head Architecture", "LOW", "Head"),
    6: ("Number of Classes", "LOW", "classes"),
    7: ("Learning Rate Scheduler", "HIGH", "schedule"),
    8: ("Optimizer", "LOW", "Optimiser"),
    9: ("Epochs", "HIGH", "Epochs"),
    10: ("GroupDRO Hyperparameters", "MEDIUM", "GroupDRO"),
    11: ("Loss Weights", "LOW", "Loss weights"),
    12: ("Anchor Parameters", "LOW", "Anchor parameters"),
}
"""The report's headings: title, priority, and a word of ours that must be in the row's title."""

STATUS = {
    1: "could be better",  # "May be too high for pretrained ResNet"
    2: "could be better",  # "Could be larger (64-128)"
    3: "could be better",  # "Small for multi-modal (consider 128-256)"
    4: "could be better",  # "Simple (CharCNN/Transformer may be better)"
    5: "good",  # "Reasonable"
    6: "good",  # "Good for initial experiments"
    7: "missing",  # "Missing (should add)"
    8: "good",  # "Good"
    9: "could be better",  # "Too few (need 50+ for convergence)"
    10: "could be better",  # eta and gamma good, warm-up "could be longer"
    11: "good",  # "Reasonable starting point"
    12: "good",  # "Keep as-is unless you see issues"
}
"""The report's marks, by section; below them stand weight decay "Standard" and clipping "Good"."""

RECOMMENDED = """
optimizer: adam
lr: 1.0e-3
lr_backbone: 1.0e-4
lr_new: 1.0e-3
weight_decay: 1.0e-4
grad_clip: 1.0
batch_size: 64
epochs: 50
lr_start: 1.0e-3
lr_end: 1.0e-5
latent_dim: 128
head_hidden: 256
textcaps_num_classes: 10
groups:
  - encoder: resnet_visual
  - encoder: char_cnn_text
anchor_eps: 1.0e-4
sep_samples_per_class: 16
sep_method: "classifier"
lambda_fit: 1.0e-3
lambda_sep: 1.0e-3
"""
RECOMMENDED_GROUPDRO = """
groupdro_enabled: true
groupdro_eta: 0.01
groupdro_gamma: 0.9
groupdro_warmup_epochs: 5
groupdro_update_mode: exp_smooth
groupdro_objective: weighted
"""
"""The report's recommended configurations, as published."""


def reported(**facts):
    """The report's configuration at its own size; its visual encoder is pretrained."""
    known = Facts(pretrained=True, **facts).model_dump(exclude_none=True)
    return declared(configuration=REPORTED, facts={"handwriting": known})


def as_config(text):
    block = read_configuration(yaml.safe_load(text))
    block.pop("facts", None)
    return AnchoredMultimodalConfig.model_validate(block)


@pytest.fixture(scope="module", params=["embedded", "reported"])
def declaration(request):
    """Both forms of the report's configuration: a quarter as wide, and as published."""
    return declared() if request.param == "embedded" else reported()


def test_each_of_the_twelve_sections_has_its_row_in_order(declaration):
    rows = status_table(declaration.plan.advice).to_dict("records")
    assert [row["section"] for row in rows[:12]] == [str(section) for section in SECTIONS]
    assert {row["section"] for row in rows[12:]} == {"-"}
    for row, (section, (_, priority, word)) in zip(rows, SECTIONS.items(), strict=False):
        assert word in row["check"]
        assert row["priority"] == priority.lower()
        assert row["source"].startswith(f"report, section {section}")
        assert row["status"] == STATUS[section]
        assert row["setting"] != "-"
        assert row["confidence"] == "prior"
    assert [(row["check"], row["status"]) for row in rows[12:]] == [
        ("Gradient clipping", "good"),
        ("Regularisation", "good"),
    ]


def test_the_six_predictions_are_the_reports(declaration):
    found = {
        one.rule.name: (p.metric, p.low, p.high)
        for one in declaration.plan.advice
        if (p := one.rule.prediction) is not None
    }
    assert found == PREDICTED
    claims = declaration.hypotheses.hypotheses
    for name, (metric, low, _) in PREDICTED.items():
        claim = claims[name]
        assert (claim.kind, claim.metric.name, claim.min_effect) == ("superiority", metric, low)
        assert (claim.arms.control, claim.family) == ("current", "predicted")


def test_sections_that_say_keep_have_no_arm(declaration):
    kept = {6, 8, 11, 12, None}
    changing = {one.rule.section for one in declaration.plan.advice if one.changes}
    assert changing == set(SECTIONS) - kept
    keeping = [one for one in declaration.plan.advice if one.rule.section in kept]
    assert all(one.rule.name not in declaration.configs for one in keeping)
    classes = next(one for one in keeping if one.rule.name == "classes")
    assert "another problem" in classes.reason_not_measured


def test_every_arm_isolates_what_it_measures(declaration):
    """Arms differ from their controls in what is claimed to vary, and in nothing else."""
    configs = {name: c.model_dump(mode="json") for name, c in declaration.configs.items()}
    assert list(configs)[:2] == ["current", "current_groupdro"]
    claims = declaration.hypotheses.hypotheses
    assert list(claims) == list(configs)[2:]
    for name, claim in claims.items():
        control = configs[claim.arms.control]
        assert claim.arms.treatment == name
        assert tuple(sorted(_leaves(differences(configs[name], control)))) == claim.varies
    assert claims["head_hidden"].arms.control == "latent_dim"
    assert claims["group_warmup"].arms.control == "current_groupdro"
    groups = differences(configs["current_groupdro"], configs["current"])
    assert groups == {"objective": {"groups": {"objective": "weighted"}}}
    alone = {key for name in claims if "together" not in name for key in claims[name].varies}
    assert set(claims["together_groupdro"].varies) == alone
    assert set(claims["together"].varies) == alone - {"objective.groups.warmup_epochs"}


def test_the_recommendation_is_the_reports_own():
    declaration = reported()
    for text, variant in ((RECOMMENDED, ""), (RECOMMENDED + RECOMMENDED_GROUPDRO, "groupdro")):
        expected = as_config(text)
        found = recommended_config(declaration.current, declaration.plan, variant)
        if not variant:
            # The report's baseline has no group settings at all; a plain mean does not read them.
            assert expected.objective.groups.objective == "plain"
        assert found == expected


def test_recommended_files_are_valid_and_need_no_more_advice(declaration, tmp_path):
    texts = document(declaration).texts
    for name, variant in FILES.items():
        file = tmp_path / name
        file.write_text(texts[name])
        block = yaml.safe_load(texts[name])["anchored_multimodal"]
        config = AnchoredMultimodalConfig.model_validate(block)
        arm = "together_groupdro" if variant else "together"
        assert config == declaration.configs[arm]
        facts = declaration.facts["handwriting"]
        # As settings of the study itself, and as a file to be examined.
        for again in (
            advise_on(config, facts),
            declared(configuration=str(file), facts={"handwriting": facts}).plan.advice,
        ):
            left = {one.rule.name for one in again if one.changes}
            assert left == (set() if variant else {"group_warmup"})


def test_advice_that_changes_nothing_has_no_arms():
    settings = reported()
    config = settings.configs["together_groupdro"].model_dump(mode="json")
    followed = declared(configuration=config, facts=settings.facts)
    assert list(followed.configs) == ["current", "current_groupdro"]
    assert followed.hypotheses.hypotheses == {}
    assert len(order_table(followed.plan.advice)) == 0


def test_order_of_action(declaration):
    order = order_table(declaration.plan.advice)
    assert order["priority"].tolist() == ["high"] * 4 + ["medium"] * 3 + ["low"]
    assert order["check"].iloc[3] == "Epochs against plateau"
    assert order["check"].iloc[-1] == "Head architecture"
    assert order["builds on"].iloc[-1] == "Latent dimension"
    assert set(order["report's phase"]) == {"1", "2", "3"}


def test_a_measured_plateau_takes_the_place_of_the_prior():
    found = reported(epochs_to_plateau=8)
    assert "epochs" not in found.configs
    assert reported(epochs_to_plateau=30).configs["epochs"].training.epochs == 30


def test_a_person_may_change_remove_and_add():
    found = declared(
        training={"learning_rate": 0.01},
        arms={"epochs": None, "batch_size": {"training": {"batch_size": 48}}, "own": {}},
    )
    assert {c.training.learning_rate for c in found.configs.values()} == {0.01}
    assert found.configs["batch_size"].training.batch_size == 48
    assert "own" in found.configs
    assert "epochs" not in found.configs
    assert set(found.not_applicable) == {"epochs"}


def test_each_configuration_is_registered_by_itself():
    other = declared(configuration={"training": {"epochs": 10}, "model": {"latent_dim": 8}})
    assert declared().subject == declared().subject
    assert declared().subject != other.subject


def test_resolving_twice_is_resolving_once():
    once = declared()
    fields = {name: getattr(once, name) for name in AdviceDeclaration.model_fields}
    assert AdviceDeclaration.model_validate(fields).hypotheses == once.hypotheses


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"configuration": {"lr_warmup": 3}}, "lr_warmup: there is no such setting"),
        ({"configuration": {"batch_size": "many"}}, "training.batch_size"),
        ({"configuration": {"model": {"latents": 3}}}, "model.latents: there is no such key"),
        ({"configuration": "no_such_file.yml"}, "no_such_file.yml cannot be read"),
        ({"configuration": {"lr_end": 1e-5}}, "lr: another learning rate"),
        ({"configuration": {"lr": 1, "lr_scheduler": "Plateau"}}, "lr_scheduler: 'Plateau'"),
        ({"configuration": {"groups": [{"encoder": "bert"}]}}, "'bert' names no encoder"),
        ({"configuration": {"groups": 3}}, "the report's names as the report does"),
        ({"dataset": "nowhere"}, "'nowhere' is not declared"),
    ],
)
def test_a_mistake_is_one_line(changes, words):
    with pytest.raises(ValidationError) as error:
        declared(**changes)
    message = error.value.errors()[0]["msg"]
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("flat", "key", "value"),
    [
        ("lr: 1e-3", "training.learning_rate", 1e-3),
        ("optimizer: adamw", "training.optimiser", "adamw"),
        ("{lr: 0.01, lr_start: 0.1, lr_end: 0.001}", "training.learning_rate", 0.1),
        ("{lr: 0.01, lr_start: 0.1, lr_end: 0.001}", "training.final_factor", 0.01),
        ("{lr_scheduler: StepLR, lr_step_size: 15}", "training.step_epochs", 15),
        ("{lr_scheduler: StepLR, lr_gamma: 0.1}", "training.reduction", 0.1),
        (
            "{lr: 0.001, lr_scheduler: CosineAnnealingLR, T_max: 50, epochs: 50, eta_min: 1.0e-5}",
            "training.final_factor",
            0.01,
        ),
        ("{lr_new: 0.002, lr_backbone: 0.001}", "model.backbone_rate", 0.5),
        (
            "{groupdro_enabled: false, groupdro_objective: max}",
            "objective.groups.objective",
            "plain",
        ),
        ("groupdro_objective: logsumexp", "objective.groups.objective", "logsumexp"),
        ("groupdro_enabled: true", "objective.groups.objective", "weighted"),
        ("groupdro_gamma: 0.95", "objective.groups.gamma", 0.95),
        ("sep_margin: 3", "objective.separation_margin", 3.0),
    ],
)
def test_the_reports_names_are_read_as_they_stand(flat, key, value):
    found = as_config(flat).model_dump()
    for part in key.split("."):
        found = found[part]
    assert found == pytest.approx(value)


def _leaves(block, prefix=""):
    for key, value in block.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
