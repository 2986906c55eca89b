"""What a file of hypotheses may say, and how it is told that it may not."""

import pytest

from latentlab.core.errors import UserError
from latentlab.evidence.checks import misfits
from latentlab.evidence.hypotheses import Hypotheses, read_hypotheses
from latentlab.evidence.margins import Boundary, boundary_of

FOUR = {"both": "a", "first_only": "b", "second_only": "c", "neither": "d"}
TREND = {"kind": "monotone", "factor": "beta", "direction": "increasing"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "non_inferiority"}, ["H1", "margin is missing", "5% of control mean"]),
        ({"kind": "equivalence", "margin": None}, ["H1", "margin is missing"]),
        ({"kind": "equivalence", "margin": 0.0}, ["H1", "margin", "greater than 0"]),
        ({"kind": "non_inferiority", "margin": "5 %"}, ["H1", "margin", "5% of control mean"]),
        ({"kind": "non_inferiority", "margin": "1e-3"}, ["H1", "margin", "0.001"]),
        ({"min_effect": -1.0}, ["H1", "min_effect", "not negative"]),
        ({"min_effect": float("inf")}, ["H1", "min_effect", "finite"]),
        ({"min_effect": False}, ["H1", "min_effect", "False is no amount"]),
        ({"kind": "non_inferiority", "margin": True}, ["H1", "margin", "True is no amount"]),
        (
            {"kind": "interaction", "arms": FOUR, "min_effect": True},
            ["H1", "min_effect", "True is no amount"],
        ),
        ({**TREND, "levels": {"a": False, "b": True, "c": "2"}}, ["levels.a", "levels.c"]),
        ({"min_efect": 1.0}, ["H1", "min_efect"]),
        ({"kind": "better"}, ["H1", "kind", "superiority"]),
        ({"arms": {"treatment": "a", "control": "a"}}, ["H1", "arms", "twice"]),
        ({"test": {"primary": "welch_t"}}, ["H1", "test.primary", "pairing: seed", "sign_flip"]),
        ({"pairing": "none"}, ["H1", "test.primary", "pairing: none", "welch_t"]),
        (
            {"pairing": "none", "test": {"primary": "welch_t", "sensitivity": ["wilcoxon"]}},
            ["H1", "test.sensitivity[0]", "pairing: none"],
        ),
        ({"kind": "equivalence", "margin": 1.0, "test": {"sides": "two"}}, ["H1", "sides: one"]),
        (
            {"kind": "interaction", "arms": FOUR, "pairing": "none"},
            ["H1", "pairing"],
        ),
        ({"kind": "interaction", "arms": FOUR, "judged_as": "equivalence"}, ["H1", "margin"]),
        ({"kind": "interaction", "arms": FOUR, "margin": 1.0}, ["H1", "min_effect"]),
        ({**TREND, "levels": {"a": 1, "b": 2}}, ["H1", "levels", "three"]),
        ({**TREND, "levels": {"a": 1, "b": 3, "c": 2}}, ["H1", "levels", "rising"]),
        (
            {"kind": "association", "direction": "positive", "against": {}},
            ["H1", "against", "factor"],
        ),
        (
            {
                "kind": "association",
                "direction": "positive",
                "against": {"factor": "lr"},
                "missing": "worst_value",
            },
            ["H1", "missing", "exclude_pair"],
        ),
        (
            {
                "kind": "association",
                "direction": "positive",
                "against": {"factor": "lr"},
                "varies": ["lr"],
            },
            ["H1", "varies"],
        ),
        ({"min_seeds": 1}, ["H1", "min_seeds"]),
        ({"hold_fixed": "lr"}, ["H1", "hold_fixed"]),
    ],
)
def test_a_mistake_is_one_line_that_names_hypothesis_and_key(declare, changes, words):
    with pytest.raises(UserError) as caught:
        declare(H1=changes)
    assert "\n" not in str(caught.value)
    for word in [*words, "hypotheses.yml"]:
        assert word in str(caught.value)


LOOKS = {"design": "group_sequential", "looks": [5, 10, 20], "spending": "pocock"}


def with_stopping(**changes):
    stopping = {key: value for key, value in (LOOKS | changes).items() if value is not None}
    contents = {"study": "s", "families": {}, "hypotheses": {}, "stopping": stopping}
    return read_hypotheses(contents, "h.yml")


def test_looks_are_read_as_they_are_declared():
    stopping = with_stopping(futility=0.2).stopping
    assert (stopping.looks, stopping.spending, stopping.futility) == ((5, 10, 20), "pocock", 0.2)
    assert with_stopping(futility="none").stopping.futility == "none"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"design": "bayes"}, ["stopping.design", "'bayes'", "group_sequential"]),
        ({"spending": "evenly"}, ["stopping.spending", "obrien_fleming", "pocock"]),
        ({"spending": None}, ["stopping.spending: is missing"]),
        ({"looks": [5]}, ["looks", "rite two or more", "leave stopping out"]),
        ({"looks": [10, 5]}, ["looks", "Write them rising"]),
        ({"looks": [1, 5]}, ["stopping.looks[0]", "greater than or equal to 2"]),
        ({"futility": 2}, ["stopping.futility", "less than 1"]),
        ({"look": [5, 10]}, ["stopping.look", "Did you mean looks?"]),
    ],
)
def test_looks_that_cannot_be_meant_are_one_line(changes, words):
    with pytest.raises(UserError) as caught:
        with_stopping(**changes)
    assert "\n" not in str(caught.value)
    for word in ["h.yml", *words]:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_alpha_lies_between_nothing_and_a_half(declare, alpha):
    with pytest.raises(UserError, match="alpha"):
        declare(families={"primary": {"alpha": alpha}}, H1={})


def test_amounts():
    assert boundary_of(0.5) == Boundary(0.5)
    assert boundary_of("2.5% of control mean") == Boundary(0.025, relative=True)


def test_a_hypothesis_overrides_the_defaults(declare):
    plan = declare(
        defaults={"min_seeds": 7, "missing": "exclude_pair", "pairing": "none"},
        H1={"min_seeds": 4, "missing": "fail", "pairing": "seed"},
        H2={"test": {"primary": "welch_t"}},
    )
    one, two = plan.hypotheses["H1"], plan.hypotheses["H2"]
    assert (one.min_seeds, one.missing, one.pairing) == (4, "fail", "seed")
    assert (two.min_seeds, two.missing, two.pairing) == (7, "exclude_pair", "none")


EVERYTHING = {
    "family": "primary",
    "metric": {"name": "accuracy", "split": "test"},
    "arms": {"treatment": "new", "control": "old"},
    "test": {"primary": "sign_flip", "sensitivity": ["wilcoxon"], "sides": "two"},
    "varies": ["objective"],
    "min_effect": 0.1,
    "margin": 0.2,
    "margin_rationale": "why",
}
ASSOCIATION = {"direction": "positive", "against": {"factor": "lr"}}
LEVELS = {"factor": "beta", "direction": "increasing", "levels": {"a": 1, "b": 2, "c": 3}}


def inherited(kind, **stated):
    """A claim of the file whose defaults state everything."""
    contents = {
        "study": "toy",
        "families": {"primary": {}, "second": {}},
        "defaults": EVERYTHING,
        "hypotheses": {"H1": {"kind": kind, "question": "is it so", **stated}},
    }
    return read_hypotheses(contents, "hypotheses.yml").hypotheses["H1"]


def test_a_claim_inherits_what_its_kind_has():
    stated = inherited("superiority").model_dump(mode="json")
    expected = {key: value for key, value in EVERYTHING.items() if "margin" not in key}
    expected["metric"] = {"name": "accuracy", "split": "test", "better": None}
    assert {key: stated[key] for key in expected} == expected
    margin = inherited("non_inferiority")
    assert (margin.margin, margin.margin_rationale) == (0.2, "why")
    trend = inherited("monotone", **LEVELS)
    assert (trend.test.sides, trend.varies, trend.family) == ("two", ("objective",), "primary")
    assert inherited("association", **ASSOCIATION).arms == ()


def test_an_interaction_takes_the_boundary_that_it_is_judged_by():
    # Nothing of a pair of arms reaches a design of four.
    four = inherited("interaction", arms=FOUR)
    assert (four.arms.both, four.min_effect, four.margin) == ("a", 0.1, None)
    none = inherited("interaction", arms=FOUR, judged_as="equivalence", test={"sides": "one"})
    assert (none.min_effect, none.margin) == (0.0, 0.2)


def test_what_a_claim_says_wins_over_the_defaults_key_by_key():
    claim = inherited(
        "superiority",
        metric={"name": "loss"},
        arms={"treatment": "newer"},
        test={"sensitivity": []},
        varies=[],
        family="second",
        min_effect=0.0,
    )
    assert (claim.metric.name, claim.metric.split) == ("loss", "test")
    assert (claim.arms.treatment, claim.arms.control) == ("newer", "old")
    test = claim.test
    assert (test.primary, test.sensitivity, test.sides) == ("sign_flip", (), "two")
    assert (claim.varies, claim.family, claim.min_effect) == ((), "second", 0.0)


@pytest.mark.parametrize(
    ("defaults", "words"),
    [
        ({"metrik": {}}, ["metrik"]),
        ({"test": {"primry": "paired_t"}}, ["test.primry"]),
        ({"margin": 0.0}, ["margin", "greater than 0"]),
    ],
)
def test_a_misspelt_default_is_an_error(declare, defaults, words):
    with pytest.raises(UserError) as caught:
        declare(defaults=defaults, H1={})
    assert all(word in str(caught.value) for word in ["defaults", *words]), caught.value


def test_a_default_that_no_claim_can_use_changes_nothing(declare):
    plain, stated = declare(H1={}), declare(defaults={"min_seeds": 3, "margin": 0.2}, H1={})
    assert plain.hypotheses == stated.hypotheses


def test_a_plan_survives_its_own_dump(declare):
    plan = declare(
        H1={"min_effect": "10% of control mean"},
        H2={**TREND, "levels": {"a": 1, "b": 2, "c": 3}},
        H3={"kind": "interaction", "arms": FOUR},
    )
    assert Hypotheses.model_validate(plan.model_dump(mode="json")) == plan


def test_check_accepts_what_fits(declare, metrics):
    assert not list(misfits(declare(H1={}), {"new", "old"}, metrics, [1, 2, 3]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"arms": {"treatment": "neww", "control": "old"}},
            ["H1", "arms.treatment", "neww", "new, old"],
        ),
        ({"metric": {"name": "acc", "split": "test"}}, ["H1", "metric.name", "acc", "accuracy"]),
        ({"metric": {"name": "kl", "split": "test"}}, ["H1", "metric", "better: higher"]),
        (
            {"metric": {"name": "loss", "split": "test", "better": "higher"}},
            ["H1", "metric.better", "lower"],
        ),
        ({"family": "second"}, ["H1", "family", "second", "primary"]),
        (
            {
                "kind": "equivalence",
                "margin": 1.0,
                "missing": "worst_value",
                "metric": {"name": "kl", "split": "test"},
            },
            ["H1", "metric", "no better direction"],
        ),
        (
            {
                "kind": "association",
                "direction": "positive",
                "against": {"metric": {"name": "KL", "split": "test"}},
            },
            ["H1", "against.metric.name", "KL"],
        ),
    ],
)
def test_check_names_hypothesis_key_and_remedy(declare, metrics, changes, words):
    (found,) = misfits(declare(H1=changes), {"new", "old"}, metrics, [1, 2])
    for word in words:
        assert word in str(found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_effect": 1}, ["min_effect: 1", "accuracy", "0 to 1", "below 1"]),
        ({"kind": "non_inferiority", "margin": 5}, ["margin: 5", "accuracy"]),
        ({"kind": "equivalence", "margin": 2.0}, ["margin: 2"]),
        ({"kind": "non_inferiority", "margin": "100% of control mean"}, ["fall by 100 %"]),
        ({"kind": "interaction", "arms": FOUR, "min_effect": 2.0}, ["min_effect: 2", "below 2"]),
        ({"min_effect": 0.99}, []),
        ({"min_effect": "300% of control mean"}, []),
        ({"kind": "interaction", "arms": FOUR, "min_effect": 1.5}, []),
        ({"min_effect": 5, "metric": {"name": "loss", "split": "test"}}, []),
    ],
)
def test_an_amount_that_no_effect_can_reach_is_refused(declare, metrics, changes, words):
    found = list(misfits(declare(H1=changes), {"new", "old", *"abcd"}, metrics, [1, 2]))
    assert len(found) == bool(words)
    assert all(word in str(found[0]) for word in words)


def test_check_needs_no_direction_where_none_is_claimed(declare, metrics):
    kl = {"name": "kl", "split": "test"}
    arms = {"new", "old", "a", "b", "c"}
    plan = declare(
        H1={"kind": "equivalence", "margin": 1.0, "metric": kl},
        H2={**TREND, "levels": {"a": 1, "b": 2, "c": 3}, "metric": kl},
        H3={"metric": {**kl, "better": "lower"}},
    )
    assert not list(misfits(plan, arms, metrics, []))


def test_check_refuses_a_repeated_seed(declare, metrics):
    (found,) = misfits(declare(H1={}), {"new", "old"}, metrics, [1, 2, 2])
    assert "seeds: 2 is listed twice" in str(found)
