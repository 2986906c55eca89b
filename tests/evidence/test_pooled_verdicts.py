"""Verdicts over several problems: those of one problem where there is one, corrected as its are."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from labs.registrations import followed
from latentlab.evidence.pooled_verdicts import judge_pooled
from latentlab.evidence.pooling import stratified_mean
from latentlab.evidence.standing import unregistered
from latentlab.evidence.verdict_columns import POOLED_COLUMNS, VERDICT_COLUMNS
from latentlab.evidence.verdicts import judge
from latentlab.statistics.association import monotone_trend
from latentlab.statistics.corrections import adjust

OLD = np.array([0.50, 0.52, 0.47, 0.55, 0.49, 0.51])
NOISE = np.array([0.010, -0.012, 0.004, 0.008, -0.006, -0.002])
MONOTONE = {
    "kind": "monotone",
    "factor": "dose",
    "levels": {"low": 1, "middle": 2, "high": 3},
    "direction": "increasing",
    "rope": 0.3,
}
ARMS = {"both": "ab", "first_only": "a", "second_only": "b", "neither": "c"}


@pytest.fixture
def problem(tables):
    """problem({arm: scores}) -> scores with the columns of their trials."""

    def build(arms, **options):
        scores, trials = tables(arms, **options)
        return scores.merge(trials)

    return build


def pool(problems, plan, metrics, standing=unregistered):
    asked = {name: list(problems) for name in plan.hypotheses}
    return judge_pooled(problems, plan, asked, metrics, standing).set_index("hypothesis")


@pytest.mark.parametrize(
    "claim",
    [
        {"min_effect": 0.01},
        {"min_effect": "5% of control mean"},
        {"min_effect": 0.1, "test": {"sides": "two"}},
        {"kind": "non_inferiority", "margin": 0.02},
        {"kind": "equivalence", "margin": 0.03},
        {"metric": {"name": "loss", "split": "test"}},
    ],
)
def test_one_problem_alone_has_its_own_verdict(declare, metrics, tables, problem, claim):
    arms = {"new": OLD + 0.02 + 3 * NOISE, "old": OLD}
    name = claim.get("metric", {}).get("name", "accuracy")
    plan = declare(H1=claim)
    scores, trials = tables(arms, metric=name)
    own = judge(scores, plan, metrics, trials)
    pooled = pool({"digits": problem(arms, metric=name)}, plan, metrics).reset_index()
    different = {"test", "effect_size", "pairing_correlation", "skewness", "skewness_p"}
    for column in set(VERDICT_COLUMNS) - different:
        expected, found = own.loc[0, column], pooled.loc[0, column]
        if isinstance(expected, float):
            assert found == pytest.approx(expected, rel=1e-9, nan_ok=True), column
        elif pd.isna(expected):
            assert pd.isna(found), column
        else:
            assert found == expected, column


def test_one_problem_alone_has_its_own_interaction_and_trend(declare, metrics, tables, problem):
    four = {
        "ab": OLD + 0.3 + NOISE,
        "a": OLD + 0.1 - NOISE,
        "b": OLD + 0.1 + NOISE[::-1],
        "c": OLD,
    }
    three = {"low": OLD, "middle": OLD + 2 * NOISE, "high": OLD + 0.02 + NOISE}
    cases = (
        ({"kind": "interaction", "arms": ARMS, "min_effect": 0.05}, four),
        (MONOTONE | {"varies": ["objective"]}, three),
    )
    for claim, arms in cases:
        plan = declare(H1=claim)
        own = judge(tables(arms)[0], plan, metrics, tables(arms)[1]).loc[0]
        pooled = pool({"digits": problem(arms)}, plan, metrics).loc["H1"]
        for column in ("effect", "estimate", "interval_low", "p_supported", "p_refuted"):
            assert pooled[column] == pytest.approx(own[column], rel=1e-9), column
        for column in ("verdict", "cause", "finding", "treatment", "control", "n"):
            assert pooled[column] == own[column], column


def test_problems_are_averaged_with_equal_weights_and_shown_beside(declare, metrics, problem):
    few = {"new": OLD[:4] + 0.1 + NOISE[:4], "old": OLD[:4]}
    many = {"new": OLD + 0.3 - NOISE, "old": OLD}
    row = pool(
        {"few": problem(few), "many": problem(many)}, declare(H1={"min_effect": 0.05}), metrics
    ).loc["H1"]
    effects = [np.mean(arms["new"] - arms["old"]) for arms in (few, many)]
    assert row["effect"] == pytest.approx(np.mean(effects))
    beside = json.loads(row["problems"])
    assert [beside[name]["effect"] for name in ("few", "many")] == pytest.approx(effects)
    assert [beside[name]["n"] for name in beside] == [4, 6]
    assert row["n"] == 4
    assert row["verdict"] == "supported"
    assert row["problems_differ"]
    assert list(row.index) == [name for name in POOLED_COLUMNS if name != "hypothesis"]


def test_a_lower_score_is_better_where_the_metric_says_so(declare, metrics, problem):
    arms = {"new": OLD - 0.1 + NOISE, "old": OLD}
    problems = {name: problem(arms, metric="loss") for name in ("a", "b")}
    plan = declare(H1={"metric": {"name": "loss", "split": "test"}})
    row = pool(problems, plan, metrics).loc["H1"]
    assert row["effect"] == pytest.approx(-row["estimate"]) == pytest.approx(0.1, abs=0.01)
    assert row["verdict"] == "supported"
    assert row["treatment_mean"] < row["control_mean"]


def test_families_are_corrected_over_the_pooled_p_values(declare, metrics, problem):
    arms = {"new": OLD + 0.01 + NOISE, "old": OLD, "third": OLD + 0.02 - 2 * NOISE}
    problems = {"a": problem(arms), "b": problem({k: v + NOISE for k, v in arms.items()})}
    third = {"arms": {"treatment": "third", "control": "old"}}
    found = pool(problems, declare(H1={}, H2=third, H3={"min_effect": 0.02}), metrics)
    for side in ("supported", "refuted"):
        p = found[f"p_{side}"].to_numpy(dtype=float)
        assert found[f"p_{side}_adjusted"].to_numpy() == pytest.approx(adjust(p, "holm"))


def test_a_trend_is_pages_test_with_the_seeds_of_all_problems(declare, metrics, problem):
    problems = {
        "small": {"low": OLD, "middle": OLD + 2 * NOISE, "high": OLD + 0.02 + NOISE},
        # A hundred times as large: ranks do not care.
        "large": {"low": 100 * OLD, "middle": 100 * OLD + NOISE, "high": 102 * OLD},
    }
    plan = declare(H1=MONOTONE | {"varies": ["objective"]})
    row = pool({name: problem(arms) for name, arms in problems.items()}, plan, metrics).loc["H1"]
    scores = [np.column_stack(list(arms.values())) for arms in problems.values()]
    trend = monotone_trend(np.concatenate(scores))
    assert row["p_supported"] == pytest.approx(trend.p_positive)
    assert row["effect"] == pytest.approx(trend.estimate)
    assert row["test"] == "stratified_page"


def test_scores_without_spread_decide_nothing(declare, metrics, problem):
    flat = problem({"new": [0.6] * 6, "old": [0.5] * 6})
    row = pool({"a": flat, "b": flat}, declare(H1={}), metrics).loc["H1"]
    assert row["verdict"] == "inconclusive"
    assert "undefined" in row["cause"]
    rising = problem({"low": [0.1] * 6, "middle": [0.2] * 6, "high": [0.3] * 6})
    trend = declare(H1=MONOTONE | {"varies": ["objective"]})
    row = pool({"a": rising, "b": rising}, trend, metrics).loc["H1"]
    assert row["verdict"] == "supported"
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((1, 1))


def test_too_few_seeds_in_one_problem_decide_nothing(declare, metrics, problem):
    arms = {"new": OLD + 0.2 + NOISE, "old": OLD}
    problems = {"a": problem(arms), "b": problem({k: v[:2] for k, v in arms.items()})}
    row = pool(problems, declare(H1={}), metrics).loc["H1"]
    assert (row["verdict"], row["n"]) == ("inconclusive", 2)
    assert "below the minimum of 3" in row["cause"]


def test_a_gate_names_the_problem_that_fails_it(declare, metrics, problem):
    whole = problem({"new": OLD + 0.2 + NOISE, "old": OLD})
    lacking = whole[~((whole["arm"] == "new") & (whole["seed"] == 2))]
    row = pool({"a": whole, "b": lacking}, declare(H1={}), metrics).loc["H1"]
    assert row["verdict"] == "invalid"
    assert row["cause"].startswith("b: missing runs: not run: new seed 2")


def test_what_is_not_pooled_says_so_and_still_counts_in_its_family(declare, metrics, problem):
    whole = problem({"new": OLD + 0.2 + NOISE, "old": OLD})
    unpaired = {"pairing": "none", "test": {"primary": "welch_t"}}
    association = {
        "kind": "association",
        "against": {"factor": "width"},
        "direction": "positive",
    }
    found = pool({"a": whole, "b": whole}, declare(H1={}, H2=unpaired, H3=association), metrics)
    assert list(found["verdict"]) == ["supported", "not_run", "not_run"]
    assert found.loc[["H2", "H3"], "cause"].str.startswith("not pooled: ").all()
    assert found.loc["H1", "p_supported_adjusted"] == pytest.approx(
        3 * found.loc["H1", "p_supported"]
    )
    assert found.loc[["H2", "H3"], "problems"].isna().all()


def test_one_late_problem_makes_the_pooled_verdict_exploratory(declare, metrics, problem):
    plan = declare(H1={})
    at = datetime.datetime(2026, 11, 22, 9, tzinfo=datetime.UTC)
    after = problem({"new": OLD + 0.2 + NOISE, "old": OLD})
    before = after.assign(started_at="2026-11-22T08:00:00Z")
    assert pool({"a": after, "b": after}, plan, metrics, followed(plan, after, at)).loc[
        "H1", "status"
    ] == ("confirmatory")
    late = pool({"a": after, "b": before}, plan, metrics, followed(plan, after, at)).loc["H1"]
    assert late["status"] == "exploratory"
    assert "started before it was registered" in late["status_reason"]


def test_more_problems_of_the_same_kind_make_the_answer_surer(declare, metrics, problem):
    rng = np.random.default_rng(5)
    plan = declare(H1={"min_effect": 0.1})
    own = [problem({"new": OLD + 0.11 + 0.05 * rng.normal(size=6), "old": OLD}) for _ in range(4)]
    two = pool(dict(zip("ab", own, strict=False)), plan, metrics).loc["H1"]
    four = pool(dict(zip("abcd", own, strict=True)), plan, metrics).loc["H1"]
    assert four["detectable_effect"] < two["detectable_effect"]
    assert four["interval_high"] - four["interval_low"] < two["interval_high"] - two["interval_low"]


def test_the_plan_says_what_simulation_finds(declare, metrics, problem):
    rng = np.random.default_rng(6)
    scores = {
        "a": {"new": OLD + rng.normal(0.1, 0.1, 6), "old": OLD},
        "b": {"new": OLD + rng.normal(0.1, 0.1, 6), "old": OLD},
    }
    problems = {name: problem(arms) for name, arms in scores.items()}
    row = pool(problems, declare(H1={}), metrics).loc["H1"]
    spreads = [np.std(arms["new"] - arms["old"], ddof=1) for arms in scores.values()]
    drawn = [rng.normal(row["detectable_effect"], sd, (20_000, 6)) for sd in spreads]
    power = np.mean(stratified_mean(drawn, [np.zeros((1, 6))] * 2).p("greater") <= 0.05)
    assert power == pytest.approx(0.8, abs=0.03)


def test_trials_that_stand_twice_count_once(declare, metrics, problem):
    whole = problem({"new": OLD + 0.02 + NOISE, "old": OLD})
    plan = declare(H1={})
    once = pool({"a": whole, "b": whole}, plan, metrics)
    twice = pool({"a": pd.concat([whole, whole]), "b": whole}, plan, metrics)
    pd.testing.assert_frame_equal(once, twice)
