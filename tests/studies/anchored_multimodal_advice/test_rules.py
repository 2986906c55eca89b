"""Rules of advice: boundaries, facts, dependence, order of action, and plateaus of histories."""

from __future__ import annotations

import copy
import itertools
import math

import pytest

from latentlab.experiment.advice import (
    TRAINING_KEYS,
    Advice,
    Facts,
    Rule,
    RuleResult,
    advise,
    implementation_order,
)
from latentlab.studies.anchored_multimodal_advice.plateau import epochs_to_plateau
from latentlab.studies.anchored_multimodal_advice.rules import CATALOGUE

RULES = {rule.name: rule for rule in CATALOGUE}
SETTINGS = {
    "learning_rate": 1e-3,
    "schedule": "constant",
    "final_factor": 0.0,
    "step_epochs": 15,
    "batch_size": 32,
    "epochs": 10,
    "optimiser": "adam",
    "weight_decay": 1e-4,
    "gradient_clip": 1.0,
    "backbone_rate": 1.0,
    "latent_dim": 64,
    "head_hidden": 128,
    "text_encoder": "mlp_text",
    "group_eta": 0.01,
    "group_gamma": 0.9,
    "group_warmup_epochs": 2,
    "fit_weight": 1e-3,
    "separation_weight": 1e-3,
    "anchor_floor": 1e-4,
    "separation_samples": 16,
    "separation": "classifier",
}
FACTS = Facts(classes=10, pretrained=True, backbone_width=512)
KEYS = {name: name for name in SETTINGS}


def judged(name, facts=FACTS, **settings):
    return RULES[name].judge(SETTINGS | facts.model_dump(exclude_none=True) | settings, facts)


def advice_by_rule(settings):
    return {one.rule.name: one for one in advise(settings, KEYS, FACTS, CATALOGUE)}


@pytest.mark.parametrize(
    ("rule", "settings", "status", "change"),
    [
        ("pretrained_rate", {"backbone_rate": 0.1}, "good", {}),
        ("pretrained_rate", {"backbone_rate": 0}, "good", {}),
        ("pretrained_rate", {"learning_rate": 1e-4}, "good", {}),
        ("pretrained_rate", {"backbone_rate": 0.5}, "could be better", {"backbone_rate": 0.1}),
        ("batch_size", {"batch_size": 63}, "could be better", {"batch_size": 64}),
        ("batch_size", {"batch_size": 64}, "good", {}),
        ("latent_dim", {"latent_dim": 127}, "could be better", {"latent_dim": 128}),
        ("latent_dim", {"latent_dim": 128}, "good", {}),
        ("text_encoder", {"text_encoder": "transformer_text"}, "good", {}),
        ("head_hidden", {"head_hidden": 127}, "could be better", {"head_hidden": 128}),
        ("head_hidden", {"head_hidden": 0}, "good", {}),
        ("head_hidden", {"head_hidden": 8, "head_scales": True}, "good", {}),
        ("schedule", {"schedule": "plateau"}, "good", {}),
        ("schedule", {"schedule": "step", "epochs": 50}, "good", {}),
        (
            "schedule",
            {"schedule": "step"},
            "could be better",
            {"schedule": "linear", "final_factor": 0.01},
        ),
        ("optimiser", {"optimiser": "sgd"}, "could be better", {"optimiser": "adam"}),
        ("optimiser", {"optimiser": "adamw"}, "good", {}),
        ("epochs", {"epochs": 50}, "good", {}),
        ("epochs", {"epochs": 49}, "could be better", {"epochs": 50}),
        ("group_warmup", {"group_warmup_epochs": 5}, "good", {}),
        ("group_warmup", {"group_warmup_epochs": 5, "group_eta": 0.005}, "good", {}),
        (
            "group_warmup",
            {"group_warmup_epochs": 5, "group_eta": 0},
            "could be better",
            {"group_eta": 0.01},
        ),
        ("loss_weights", {"fit_weight": 1e-2, "separation_weight": 1e-4}, "good", {}),
        ("loss_weights", {"fit_weight": 1.0}, "could be better", {"fit_weight": 1e-3}),
        ("anchors", {"anchor_floor": 1.0}, "could be better", {"anchor_floor": 1e-4}),
        ("anchors", {"separation_samples": 1}, "could be better", {"separation_samples": 16}),
        ("anchors", {"separation_samples": 1, "separation": "w2_margin"}, "good", {}),
        ("gradient_clip", {"gradient_clip": 0}, "missing", {"gradient_clip": 1.0}),
        ("weight_decay", {"weight_decay": 0}, "missing", {"weight_decay": 1e-4}),
        ("weight_decay", {"weight_decay": 0, "dropout": 0.2}, "good", {}),
        ("weight_decay", {"weight_decay": 0.1}, "could be better", {"weight_decay": 1e-4}),
    ],
)
def test_a_rule_judges_at_its_boundaries(rule, settings, status, change):
    found = judged(rule, **settings)
    assert (found.status, found.change) == (status, change)


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.name)
def test_following_advice_ends_it(rule):
    """What a rule recommends is good by that rule, from any of these starts."""
    for schedule, epochs, batch, decay in itertools.product(
        ("constant", "step"), (1, 10), (2, 48), (0.0, 0.5)
    ):
        start = SETTINGS | {
            "schedule": schedule,
            "epochs": epochs,
            "batch_size": batch,
            "weight_decay": decay,
            "optimiser": "sgd",
            "gradient_clip": 0.0,
            "group_eta": 1.0,
            "anchor_floor": 1.0,
            "fit_weight": 9.0,
            **FACTS.model_dump(exclude_none=True),
        }
        found = rule.judge(start, FACTS)
        after = rule.judge({**start, **found.change}, FACTS)
        assert after.status == "good"
        assert after.change == {}


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.name)
def test_a_rule_is_a_pure_function_of_what_it_reads(rule):
    given = SETTINGS | FACTS.model_dump(exclude_none=True)
    settings = copy.deepcopy(given)
    found = rule.judge(settings, FACTS)
    assert settings == given
    assert rule.judge(settings, FACTS) == found
    read = {name: given[name] for name in rule.reads}
    assert rule.judge(read, FACTS).status == found.status
    assert found.confidence == "prior"
    assert found.rationale.endswith(".")


def test_facts_decide():
    few, enough = 20 * 64 - 1, 20 * 64
    assert judged("batch_size", Facts(training_examples=few)).status == "good"
    assert judged("batch_size", Facts(training_examples=enough)).status == "could be better"
    assert judged("latent_dim", Facts(backbone_width=256)).status == "good"
    assert judged("pretrained_rate", Facts(pretrained=False)).status == "not judged"
    assert (
        "The data has 10" in judged("classes", Facts(classes=10, classes_available=10)).unmeasured
    )


def test_epochs_are_judged_by_a_plateau_where_one_was_measured():
    short = judged("epochs", Facts(epochs_to_plateau=23))
    assert (short.change, short.cost, short.confidence) == ({"epochs": 23}, 2.3, "measured")
    long = judged("epochs", Facts(epochs_to_plateau=9))
    assert (long.status, long.change, long.confidence) == ("good", {}, "measured")


def test_gamma_is_documented_as_what_the_code_does():
    said = judged("group_warmup").rationale
    assert "gamma 0.9 is the weight of the NEW group weights" in said
    assert "more smoothing is a lower gamma" in said


def test_what_a_configuration_lacks_is_not_judged():
    found = advice_by_rule({})
    for name, one in found.items():
        assert (one.result.status == "not judged") == (name != "classes")
        assert one.changes == {}
    assert found["batch_size"].result.rationale == "Not known here: batch_size."
    assert found["classes"].current == {"classes": 10}
    without = {one.rule.name: one.result for one in advise(SETTINGS, KEYS, Facts(), CATALOGUE)}
    assert without["classes"].status == without["latent_dim"].status == "not judged"
    assert "backbone_width" in without["latent_dim"].rationale


def test_keys_translate_settings_and_changes():
    config = {"training": {"batch_size": 16, "epochs": 3}}
    found = {one.rule.name: one for one in advise(config, TRAINING_KEYS, Facts(), CATALOGUE)}
    assert found["batch_size"].current == {"training.batch_size": 16}
    assert found["batch_size"].changes == {"training.batch_size": 64}
    assert found["epochs"].changes == {"training.epochs": 50}
    assert found["schedule"].result.status == "not judged"


def test_the_head_follows_the_latent_space():
    """Good as it is, and to be widened once the latent space is."""
    found = advice_by_rule(SETTINGS)
    assert found["head_hidden"].result.status == "good"
    assert found["head_hidden"].changes == {"head_hidden": 256}
    assert "Once latent_dim is 128" in found["head_hidden"].result.rationale
    kept = {
        one.rule.name: one for one in advise(SETTINGS | {"latent_dim": 128}, KEYS, FACTS, CATALOGUE)
    }
    assert kept["head_hidden"].result.status == "could be better"
    wide = SETTINGS | {"head_hidden": 256}
    assert {o.rule.name: o for o in advise(wide, KEYS, FACTS, CATALOGUE)}[
        "head_hidden"
    ].changes == {}


def an_advice(name, priority, cost, after=""):
    rule = Rule(name, name, "", priority, lambda s, f: result, (), after=after)
    result = RuleResult("missing", "", {name: 1}, cost=cost)
    return Advice(rule, result, {}, {name: 1})


def test_order_is_priority_then_cost_and_never_before_what_it_builds_on():
    some = [
        an_advice("a", "low", 1.0),
        an_advice("b", "high", 5.0),
        an_advice("c", "high", 1.0, after="d"),
        an_advice("d", "medium", 1.0),
        an_advice("e", "high", 2.0),
        an_advice("f", "high", 0.5, after="nothing that changes"),
    ]
    for shuffled in itertools.permutations(some):
        names = [one.rule.name for one in implementation_order(shuffled)]
        assert names == ["f", "e", "b", "d", "c", "a"]


def test_every_rule_that_builds_on_another_stands_below_it():
    names = [rule.name for rule in CATALOGUE]
    assert len(set(names)) == len(names)
    for rule in CATALOGUE:
        if rule.after:
            assert names.index(rule.after) < names.index(rule.name)


@pytest.mark.parametrize("scale", [1.0, 40.0])
@pytest.mark.parametrize("time", [2, 4, 7])
def test_an_exponential_levels_off_where_it_should(time, scale):
    """The loss a + b exp(-t / time) is within 2 % of its fall after about time ln 50 epochs."""
    losses = [3 + scale * math.exp(-epoch / time) for epoch in range(60)]
    assert epochs_to_plateau(losses) == pytest.approx(1 + time * math.log(50), abs=1)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], None),
        ([math.nan, math.inf], None),
        ([1.0, 1.0, 1.0], None),
        ([1.0, 2.0, 3.0], None),
        (list(range(50, 0, -1)), None),
        ([9, 1, 1, 1, 1], 2),
        ([9, math.nan, 1, 1, 1], 3),
        ([9, 1, 5, 5, 5], 2),
    ],
)
def test_what_has_no_plateau_has_none(losses, expected):
    assert epochs_to_plateau(losses) == expected
