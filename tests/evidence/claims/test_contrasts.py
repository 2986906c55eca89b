"""Claims about several contrasts, from the file to the sentence."""

import json

import numpy as np
import pytest
import scipy

from latentlab.core.errors import UserError
from latentlab.evidence.checks import misfits
from latentlab.evidence.verdicts import judge
from latentlab.reporting.sections import verdict_section
from latentlab.reporting.verdict_cells import verdict_table
from latentlab.reporting.verdict_prose import verdict_sentence

RNG = np.random.default_rng(1)
BASE = RNG.normal(0.5, 0.03, 8)
ARMS = {
    arm: BASE + gain + RNG.normal(0, 0.01, 8)
    for arm, gain in {"old": 0.0, "a": 0.02, "b": 0.03, "c": 0.0}.items()
}
CONTROL = {
    "kind": "differs_from_control",
    "arms": {"treatments": ["a", "b", "c"], "control": "old"},
}
PAIRS = {"kind": "arms_differ", "arms": ["a", "b", "c", "old"]}
LEVELS = {"kind": "effect_varies", "arms": {"changed": ["a", "b"], "unchanged": ["old", "c"]}}
SHARED = {"test": {"spread": "shared"}}
APART = {"pairing": "none"}


def row_of(declare, metrics, tables, claim, arms=ARMS):
    scores, trials = tables(arms)
    return judge(scores, declare(H1=claim), metrics, trials).iloc[0]


@pytest.mark.parametrize("pairing", [{}, APART])
def test_the_p_value_is_the_smallest_of_all_contrasts(declare, metrics, tables, pairing):
    test = scipy.stats.ttest_ind if pairing else scipy.stats.ttest_rel
    options = {"equal_var": False} if pairing else {}
    each = [test(ARMS[arm], ARMS["old"], **options).pvalue for arm in "abc"]
    row = row_of(declare, metrics, tables, CONTROL | pairing)
    assert row["p_supported"] == pytest.approx(3 * min(each))
    assert row["p_refuted"] == 1
    beside = json.loads(row["contrasts"])
    assert list(beside) == ["a - old", "b - old", "c - old"]
    assert beside["c - old"]["effect"] == pytest.approx(np.mean(ARMS["c"] - ARMS["old"]))


def test_shared_spread_is_dunnett_and_tukey_as_scipy_has_them(declare, metrics, tables):
    row = row_of(declare, metrics, tables, CONTROL | SHARED | APART)
    treatments = [ARMS[arm] for arm in "abc"]
    expected = scipy.stats.dunnett(*treatments, control=ARMS["old"], rng=np.random.default_rng(0))
    assert row["test"] == "dunnett"
    assert row["p_supported"] == pytest.approx(expected.pvalue.min(), abs=2e-4)
    assert list(json.loads(row["sensitivity"])) == ["holm_welch_t"]
    row = row_of(declare, metrics, tables, PAIRS | SHARED | APART)
    expected = scipy.stats.tukey_hsd(*(ARMS[arm] for arm in PAIRS["arms"]))
    found = [own["p"] for own in json.loads(row["contrasts"]).values()]
    assert found == pytest.approx(expected.pvalue[np.triu_indices(4, 1)])


@pytest.mark.parametrize("pairing", [{}, APART])
@pytest.mark.parametrize("claim", [CONTROL, CONTROL | SHARED, PAIRS, PAIRS | SHARED, LEVELS])
def test_verdict_and_simultaneous_interval_agree(declare, metrics, tables, claim, pairing):
    seen = set()
    for gain in (0.0, 0.03):
        arms = {arm: own + gain * (arm == "b") for arm, own in ARMS.items()}
        for boundary in (0.0, 0.02):
            row = row_of(declare, metrics, tables, claim | pairing | {"min_effect": boundary}, arms)
            outside = row["interval_low"] > boundary or row["interval_high"] < -boundary
            assert (row["p_supported"] <= 0.05) == outside
            seen.add(outside)
    assert seen == {True, False} or pairing


def test_all_within_the_smallest_effect_refutes(declare, metrics, tables):
    row = row_of(declare, metrics, tables, CONTROL | {"min_effect": 0.08})
    assert row["verdict"] == "refuted"
    assert row["finding"] == "no arm differs from old by 0.08 share or more in accuracy"
    each = [ARMS[arm] - ARMS["old"] for arm in "abc"]
    worst = max(scipy.stats.ttest_1samp(d, 0.08, alternative="less").pvalue for d in each)
    assert row["p_refuted"] == pytest.approx(worst)


def test_two_by_two_is_the_interaction_on_two_sides(declare, metrics, tables):
    four = {"both": "a", "first_only": "old", "second_only": "b", "neither": "c"}
    one = {"kind": "interaction", "arms": four, "test": {"sides": "two"}}
    expected = row_of(declare, metrics, tables, one)
    row = row_of(declare, metrics, tables, LEVELS)
    assert row["effect"] == pytest.approx(expected["effect"])
    assert row["p_supported"] == pytest.approx(
        min(expected["p_supported"], expected["p_refuted"]), rel=1e-9
    )


def test_an_interaction_of_unpaired_arms_is_welchs_contrast(declare, metrics, tables):
    row = row_of(declare, metrics, tables, LEVELS | APART)
    a, b, c, old = (ARMS[arm] for arm in ("a", "b", "c", "old"))
    parts = np.array([np.var(x, ddof=1) / 8 for x in (a, b, c, old)])
    t = abs(a.mean() - old.mean() - b.mean() + c.mean()) / np.sqrt(parts.sum())
    freedom = parts.sum() ** 2 / np.sum(parts**2 / 7)
    assert row["p_supported"] == pytest.approx(2 * scipy.stats.t.sf(t, freedom))
    assert row["test"] == "holm_welch_t"


def test_report_and_table_show_every_contrast(declare, metrics, tables):
    scores, trials = tables(ARMS)
    verdicts = judge(
        scores,
        declare(H1=CONTROL, H2={"arms": {"treatment": "a", "control": "b"}}),
        metrics,
        trials,
    )
    row = verdicts.iloc[0]
    sentence = verdict_sentence(row.to_dict())
    assert "strongest contrast" in sentence
    assert "simultaneous 95 % interval" in sentence
    assert "By contrast, each p adjusted for the others: a - old 0.0204 [" in sentence
    assert "Found: at least one arm differs from old in accuracy" in sentence
    assert verdict_table(verdicts)["boundary"].tolist() == ["other than 0", "above 0"]
    assert "unadjusted 90 % interval" in verdict_section(verdicts).note


def test_scores_that_do_not_vary_decide_nothing(declare, metrics, tables):
    flat = {arm: np.full(6, 0.1 * k) for k, arm in enumerate(ARMS)}
    for claim in (CONTROL, PAIRS | SHARED, LEVELS):
        row = row_of(declare, metrics, tables, claim, flat)
        assert row["verdict"] == "inconclusive"
        assert row["cause"].endswith("is undefined on scores that do not vary")


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (
            CONTROL | {"arms": {"treatments": ["a"], "control": "old"}},
            ["two or more", "superiority"],
        ),
        (PAIRS | {"arms": ["a", "b"]}, ["arms", "three or more"]),
        (LEVELS | {"arms": {"changed": ["a"], "unchanged": ["b", "c"]}}, ["arms", "each level"]),
        (PAIRS | {"test": {"spread": "pooled"}}, ["test.spread", "own"]),
        (LEVELS | SHARED, ["test"]),
        (PAIRS | {"arms": ["a", "b", "a"]}, ["'a' appears twice"]),
    ],
)
def test_what_cannot_be_declared(declare, claim, words):
    with pytest.raises(UserError) as caught:
        declare(H1=claim)
    assert all(word in str(caught.value) for word in words), caught.value


def test_checks_know_arms_range_and_looks(declare, metrics):
    plan = declare(H1=CONTROL | {"min_effect": 1.5}, H2=LEVELS | {"min_effect": 1.5})
    stopping = {"design": "group_sequential", "looks": [3, 5], "spending": "pocock"}
    looks = plan.model_validate(plan.model_dump(mode="json") | {"stopping": stopping})
    told = [str(one) for one in misfits(looks, {"a", "b", "c"}, metrics, range(5))]
    assert sum("several contrasts at once" in one for one in told) == 2
    assert sum("the study has no arm 'old'" in one for one in told) == 2
    assert sum("min_effect: 1.5 is no less" in one for one in told) == 1
