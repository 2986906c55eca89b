"""Verdicts at looks: what decides, what stays so, what is waited for, and how often they err."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from latentlab.evidence.checks import misfits
from latentlab.evidence.decisions import location_evidence
from latentlab.evidence.looks import Evidence, conditional_power, decide_at_looks
from latentlab.evidence.margins import Boundary
from latentlab.evidence.standing import Standing
from latentlab.evidence.stopping import Stopping
from latentlab.evidence.verdicts import judge
from latentlab.statistics.attainable import smallest_p
from latentlab.statistics.sequential import FixedDesign, GroupSequential

LOOKS = {"design": "group_sequential", "looks": [4, 8, 12], "spending": "pocock"}
NOISE = np.random.default_rng(5).normal(size=12)


@pytest.fixture
def sequential(declare):
    """sequential(stopping={...}, H1={...}) -> Hypotheses with looks."""

    def build(stopping=LOOKS, **hypotheses):
        return declare(**hypotheses).model_copy(
            update={"stopping": Stopping.model_validate(stopping)}
        )

    return build


def evidence_of(p, attainable=0.0):
    """One family of one-sided claims: p of shape [looks, studies, members]."""
    looks, _, members = p.shape
    return Evidence(
        p,
        1 - p,
        np.full((looks, members), attainable),
        np.full((looks, members), True),
        np.ones((2, members)),
    )


def test_one_look_is_the_fixed_design(declare, sequential, tables, metrics):
    scores, trials = tables({"old": NOISE, "new": NOISE + np.linspace(0, 0.6, 12)})
    fixed = judge(scores, declare(H1={}, H2={"min_effect": 0.4}), metrics, trials)
    assert fixed["look"].isna().all()
    assert fixed["stagewise_p"].isna().all()
    late = {"design": "group_sequential", "looks": [11, 12], "spending": "obrien_fleming"}
    looked = judge(scores, sequential(late, H1={}, H2={"min_effect": 0.4}), metrics, trials)
    assert looked["look"].notna().all()


def test_a_clear_claim_is_decided_at_the_first_look_and_stays_so(sequential, tables, metrics):
    # From the fifth seed on the treatment is much worse.
    gain = np.array([1.0, 1.1, 0.9, 1.05, *[-9.0, -9.2, -8.9, -9.1] * 2])
    scores, trials = tables({"old": NOISE, "new": NOISE + gain})
    row = judge(scores, sequential(H1={}), metrics, trials).iloc[0]
    assert (row["verdict"], row["look"], row["looks"]) == ("supported", 1, 3)
    assert (row["n"], row["seeds_saved"]) == (4, 8)
    assert row["effect"] == pytest.approx(gain[:4].mean())
    assert row["stagewise_p"] == pytest.approx(row["p_supported"], rel=1e-3)
    assert row["p_supported_adjusted"] > row["p_supported"]


def test_an_open_claim_shows_the_last_look_so_far(sequential, tables, metrics):
    scores, trials = tables({"old": np.zeros(12), "new": NOISE})
    plan = sequential(H1={})
    for seeds, look, n in ((5, 1, 4), (8, 2, 8), (12, 3, 12)):
        known = trials[trials["seed"] < seeds]
        row = judge(scores, plan, metrics, known).iloc[0]
        assert (row["verdict"], row["look"], row["n"]) == ("inconclusive", look, n)
        assert np.isnan(row["conditional_power"]) == (look == 3)
        assert ("no further seeds were run" in row["cause"]) == (look < 3)
    assert judge(scores, plan, metrics, trials[trials["seed"] < 3])["cause"][0] == (
        "the first look is at 4 seeds: run them"
    )


def test_verdicts_at_a_stop_are_those_of_more_seeds(sequential, tables, metrics):
    scores, trials = tables(
        {"old": NOISE, "new": NOISE + 1 + 0.1 * NOISE[::-1], "other": NOISE[::-1] - 0.2}
    )
    claims = {"H1": {}, "H2": {"arms": {"treatment": "other", "control": "old"}}}
    plan = sequential(**claims)
    whole = judge(scores, plan, metrics, trials).set_index("hypothesis")
    early = judge(scores, plan, metrics, trials[trials["seed"] < 4]).set_index("hypothesis")
    assert whole.loc["H1", "look"] == 1
    # Fresh seeds to confirm on lie above those that were run.
    pd.testing.assert_series_equal(whole.loc["H1"].drop("command"), early.loc["H1"].drop("command"))


def test_the_interval_matches_the_level_of_the_look(sequential, tables, metrics):
    scores, trials = tables({"old": np.zeros(12), "new": NOISE})
    plan = sequential(H1={})
    for seeds, look in ((4, 0), (8, 1), (12, 2)):
        row = judge(scores, plan, metrics, trials[trials["seed"] < seeds]).iloc[0]
        level = plan.stopping.rule.level(0.05, look)
        assert row["interval_level"] == pytest.approx(1 - 2 * level)


def test_the_stagewise_p_of_a_further_attempt_is_that_of_its_smaller_level(
    sequential, tables, metrics
):
    """What would have crossed at the first look is what the attempt's own boundary says."""
    gain = np.array([1.0, 1.6, 0.7, 1.3] * 3)
    scores, trials = tables({"old": np.zeros(12), "new": gain})
    second = Standing("confirmatory", earlier=("inconclusive",))
    rows = [
        judge(scores, sequential(H1={}), metrics, trials, standing).iloc[0]
        for standing in (lambda *_: Standing("confirmatory"), lambda *_: second)
    ]
    assert [row["look"] for row in rows] == [1, 2]
    assert rows[1]["verdict"] == "supported"
    assert rows[1]["stagewise_p"] < 0.05 / second.price


def test_what_a_decided_claim_leaves_goes_to_the_others():
    rule = GroupSequential((5, 10), "pocock")
    alone, shared = rule.level(0.05, 1), rule.level(0.025, 1)
    p = np.array([[[1e-4, 0.5]], [[1e-4, (alone + shared) / 2]]])
    decision = decide_at_looks(evidence_of(p), rule, alpha=0.05, correction="holm")
    assert decision.verdict.tolist() == [["supported", "supported"]]
    assert decision.look.tolist() == [[0, 1]]
    p[:, 0, 0] = 0.5
    decision = decide_at_looks(evidence_of(p), rule, alpha=0.05, correction="holm")
    assert decision.verdict.tolist() == [["inconclusive", "inconclusive"]]


def test_what_an_earlier_look_did_not_decide_is_judged_on_the_data_of_this_one():
    """A level that becomes free does not reach back: the row shows the data that decided."""
    rule = GroupSequential((5, 10), "pocock")
    between = (rule.level(0.05, 0) + rule.level(0.025, 0)) / 2
    p = np.array([[[0.5, between]], [[1e-4, 0.5]]])
    decision = decide_at_looks(evidence_of(p), rule, alpha=0.05, correction="holm")
    assert decision.verdict.tolist() == [["supported", "inconclusive"]]
    assert decision.supported_adjusted[0, 1] > 0.05


def test_a_p_value_of_too_few_seeds_is_not_carried_on():
    p = np.array([[[1e-4]], [[0.5]]])
    few = evidence_of(p)
    few.enough_seeds[0] = False
    rule = GroupSequential((5, 10), "pocock")
    assert decide_at_looks(few, rule, alpha=0.05, correction="holm").verdict == "inconclusive"


def test_both_sides_of_an_equivalence_share_the_level(sequential):
    plan = sequential(H1={"kind": "equivalence", "margin": 0.1})
    assert plan.hypotheses["H1"].tails == (1, 2)
    two = sequential(H1={"test": {"sides": "two"}})
    assert two.hypotheses["H1"].tails == (2, 2)


@pytest.mark.parametrize(("futility", "waits"), [("none", True), (0.2, False)])
def test_a_futile_claim_is_not_waited_for(sequential, tables, metrics, futility, waits):
    flat = np.array([0.1, -0.1, 0.12, -0.12] * 3)
    scores, trials = tables({"old": np.zeros(12), "new": flat})
    plan = sequential(LOOKS | {"futility": futility}, H1={})
    verdicts = judge(scores, plan, metrics, trials[trials["seed"] < 4])
    assert plan.stopping.waits(verdicts).tolist() == [waits]
    assert verdicts["conditional_power"][0] < 0.2
    if not waits:
        assert verdicts["cause"][0].startswith("futile at look 1: as the trend stands, the chance")
    # It is not binding: were there more seeds, it would be judged on them.
    later = tables({"old": np.zeros(12), "new": np.where(np.arange(12) < 4, flat, 3 + flat)})
    assert judge(later[0], plan, metrics, later[1])["verdict"][0] == "supported"


def test_what_cannot_be_judged_is_not_waited_for(sequential, tables, metrics):
    scores, trials = tables({"old": NOISE, "new": NOISE})
    lost = scores[~((scores["arm"] == "new") & (scores["seed"] == 2))]
    plan = sequential(H1={})
    verdicts = judge(lost, plan, metrics, trials[trials["seed"] < 4])
    assert verdicts["verdict"][0] == "invalid"
    assert not plan.stopping.waits(verdicts).any()


@pytest.mark.parametrize(
    ("claims", "seeds", "words"),
    [
        ({"H1": {}}, 10, ["stopping.looks", "12", "count: 12", "with 10"]),
        ({"H1": {"min_seeds": 6}}, 12, ["H1", "min_seeds: 6", "min_seeds: 4", "begin with 6"]),
        (
            {
                "H1": {
                    "kind": "association",
                    "against": {"factor": "width"},
                    "direction": "positive",
                }
            },
            12,
            ["H1", "association counts trials", "without stopping"],
        ),
    ],
)
def test_what_does_not_fit_the_looks_is_refused(sequential, metrics, claims, seeds, words):
    (found, *_) = misfits(sequential(**claims), ["old", "new"], metrics, range(seeds))
    for word in words:
        assert word in str(found), str(found)


def test_a_false_discovery_rate_is_refused(declare, metrics):
    plan = declare(families={"primary": {"correction": "fdr_bh"}}, H1={})
    plan = plan.model_copy(update={"stopping": Stopping.model_validate(LOOKS)})
    (found,) = misfits(plan, ["old", "new"], metrics, range(12))
    assert re.search(r"families.primary.correction: fdr_bh.*Write holm", str(found))


def simulated(comparison, boundary, effect, rule, *, members, studies, test="paired_t"):
    """Evidence of a family whose members all have this effect, at every look."""
    rng = np.random.default_rng([members, studies])
    shape = (studies * members, rule.looks[-1])
    control, treatment = rng.normal(size=(2, *shape)) + rng.normal(size=shape)
    treatment += effect
    found = [
        location_evidence(comparison, test, treatment[:, :n], control[:, :n], boundary)
        for n in rule.looks
    ]
    supported, refuted = np.moveaxis(np.array(found), 1, 0).reshape(2, -1, studies, members)
    tails = [[1.0] * members, [2.0 if comparison == "equivalence" else 1.0] * members]
    attainable = [[smallest_p(test, n, n)] * members for n in rule.looks]
    enough = np.full((len(rule.looks), members), True)
    return Evidence(supported, refuted, np.array(attainable), enough, np.array(tails))


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize(
    ("claim", "size", "effect"),
    [
        ("superiority", 0.5, 0.5),
        ("non_inferiority", 0.5, -0.5),
        ("equivalence", 0.8, 0.8),
        ("equivalence", 1e-9, 0.0),
    ],
)
def test_families_at_their_boundaries_keep_alpha(claim, size, effect, members, spending):
    rule = GroupSequential((5, 10, 15, 20), spending)
    evidence = simulated(claim, Boundary(size), effect, rule, members=members, studies=5_000)
    verdict = decide_at_looks(evidence, rule, alpha=0.05, correction="holm").verdict
    for value in ("supported", "refuted"):
        # Three standard errors of 5,000 studies above .05.
        assert (verdict == value).any(axis=1).mean() <= 0.0595


def test_looking_without_a_rule_errs_far_more_often():
    rule = GroupSequential((5, 10, 15, 20), "pocock")
    evidence = simulated("superiority", Boundary(0.0), 0.0, rule, members=1, studies=5_000)
    free = decide_at_looks(evidence, FixedDesign(), alpha=0.05, correction="holm").verdict
    assert (free == "supported").mean() > 0.1


def test_the_chance_of_an_answer_is_what_comes_of_it():
    """Claims with a conditional power of about a half are decided in about half of the cases."""
    rule = GroupSequential((20, 40), "obrien_fleming")
    evidence = simulated("superiority", Boundary(0.0), 0.45, rule, members=1, studies=20_000)
    first = Evidence(
        *(getattr(evidence, name)[:1] for name in ("supported", "refuted")),
        evidence.attainable[:1],
        evidence.enough_seeds[:1],
        evidence.tails,
    )
    correction = {"alpha": 0.05, "correction": "holm"}
    early = decide_at_looks(first, rule, **correction)
    chance = conditional_power(early, first, rule, **correction)[:, 0]
    done = decide_at_looks(evidence, rule, **correction).verdict[:, 0] == "supported"
    # Where the trend seen is the true one.
    typical = (early.verdict[:, 0] == "inconclusive") & (np.abs(chance - np.median(chance)) < 0.05)
    assert done[typical].mean() == pytest.approx(np.median(chance), abs=0.08)
