"""Claims on a metric that is compared by ratios."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.registrations import declared_as
from latentlab.evidence.checks import misfits
from latentlab.evidence.decisions import decide, location_evidence
from latentlab.evidence.departures import departures
from latentlab.evidence.margins import Boundary
from latentlab.evidence.meaning import Asked, same
from latentlab.evidence.pooled_verdicts import judge_pooled
from latentlab.evidence.verdicts import judge

TENTH = "10% of control mean"
SECONDS = {"metric": {"name": "seconds", "split": "test"}}
SPEED = {"metric": {"name": "speed", "split": "test"}}
OLD = np.exp(np.random.default_rng(0).normal(1, 1, 8))
RATIO = np.exp(np.random.default_rng(1).normal(0, 0.05, 8))


def row_of(declare, metrics, tables, claim, arms, metric):
    scores, trials = tables(arms, metric)
    return judge(scores, declare(H1=claim), metrics, trials).iloc[0]


@pytest.mark.parametrize(
    ("claim", "ratio", "verdict"),
    [
        (SECONDS | {"min_effect": TENTH}, 0.8, "supported"),
        (SECONDS | {"min_effect": TENTH}, 0.95, "refuted"),
        (SECONDS | {"min_effect": TENTH}, 0.9, "inconclusive"),
        (SPEED | {"min_effect": TENTH}, 1.2, "supported"),
        (SECONDS | {"kind": "non_inferiority", "margin": TENTH}, 1.05, "supported"),
        (SECONDS | {"kind": "non_inferiority", "margin": TENTH}, 1.2, "refuted"),
        (SPEED | {"kind": "non_inferiority", "margin": TENTH}, 0.95, "supported"),
        (SPEED | {"kind": "equivalence", "margin": TENTH}, 1.0, "supported"),
        (SPEED | {"kind": "equivalence", "margin": TENTH}, 0.8, "refuted"),
    ],
)
def test_verdicts_about_ratios(*, declare, metrics, tables, claim, ratio, verdict):
    arms = {"new": ratio * OLD * RATIO, "old": OLD}
    metric = claim["metric"]["name"]
    row = row_of(declare, metrics, tables, claim, arms, metric)
    assert row["verdict"] == verdict
    found = ratio * scipy.stats.gmean(RATIO)
    assert row["estimate"] == pytest.approx(100 * (found - 1))
    assert row["effect"] == pytest.approx((1 if metric == "speed" else -1) * row["estimate"])
    assert (row["boundary"], row["unit"]) == (10, "% of control geometric mean")
    assert row["treatment_mean"] / row["control_mean"] == pytest.approx(found)


def test_interval_and_p_are_those_of_the_logarithms(declare, metrics, tables):
    row = row_of(
        declare,
        metrics,
        tables,
        SECONDS | {"min_effect": TENTH},
        {"new": 0.85 * OLD * RATIO, "old": OLD},
        "seconds",
    )
    logs = np.log(0.85 * RATIO)
    ends = np.array(scipy.stats.ttest_1samp(logs, 0).confidence_interval(0.9))
    # Lower is better: what is turned round is the ratio's distance from 1.
    turned = 100 * (1 - np.exp(ends))
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((turned[1], turned[0]))
    tested = scipy.stats.ttest_1samp(logs, np.log(0.9), alternative="less")
    assert row["p_supported"] == pytest.approx(tested.pvalue)


@pytest.mark.parametrize("kind", ["superiority", "equivalence"])
def test_the_unit_of_the_scores_does_not_matter(declare, metrics, tables, kind):
    claim = SECONDS | {"kind": kind, "min_effect" if kind == "superiority" else "margin": TENTH}
    rows = [
        row_of(
            declare,
            metrics,
            tables,
            claim,
            {"new": 0.93 * size * OLD * RATIO, "old": size * OLD},
            "seconds",
        )
        for size in (1, 1000)
    ]
    for column in ("effect", "interval_low", "p_supported", "detectable_effect", "seeds_needed"):
        assert rows[0][column] == pytest.approx(rows[1][column])


def test_a_score_without_a_logarithm_is_named(declare, metrics, tables):
    arms = {"new": np.where(np.arange(8) == 3, 0.0, OLD), "old": OLD}
    row = row_of(declare, metrics, tables, SECONDS, arms, "seconds")
    assert row["verdict"] == "invalid"
    assert row["cause"] == "seconds is compared by ratios, and new has 0 with seed 3"


LEVELS = {"kind": "effect_varies", "arms": {"changed": ["a", "c"], "unchanged": ["b", "d"]}}
FOUR = {"both": "a", "first_only": "b", "second_only": "c", "neither": "d"}


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        (SECONDS | {"min_effect": 0.1}, "min_effect: 0.1 is no ratio, by which seconds"),
        (SPEED | {"kind": "equivalence", "margin": 0.1}, "margin: 0.1 is no ratio"),
        (
            {"kind": "interaction", "arms": FOUR, "min_effect": TENTH},
            "min_effect: a share of a contrast of accuracy means nothing",
        ),
        ({"kind": "arms_differ", "arms": list("abc"), "min_effect": TENTH}, "min_effect: a share"),
        (SECONDS | LEVELS | {"min_effect": 0.1}, "min_effect: 0.1 is no ratio"),
        (SECONDS | LEVELS | {"min_effect": "100% of control mean"}, "min_effect: seconds cannot"),
    ],
)
def test_boundaries_that_are_none_on_the_scale_are_refused(declare, metrics, claim, says):
    arms = ["new", "old", *FOUR.values()]
    (found,) = misfits(declare(H1=claim), arms, metrics, range(5))
    assert str(found).startswith(f"hypothesis H1: {says}")


def test_an_interaction_is_a_ratio_of_ratios(declare, metrics, tables):
    arms = {"a": 0.5 * OLD * RATIO, "b": OLD, "c": 0.8 * OLD, "d": OLD}
    claim = SECONDS | {"kind": "interaction", "arms": FOUR, "min_effect": TENTH}
    row = row_of(declare, metrics, tables, claim, arms, "seconds")
    assert row["verdict"] == "supported"
    assert row["estimate"] == pytest.approx(100 * (0.625 * scipy.stats.gmean(RATIO) - 1))


@pytest.mark.parametrize("metric", [SECONDS, SPEED])
@pytest.mark.parametrize("ratio", [0.8, 0.95, 1.0, 1.2])
def test_several_contrasts_are_of_ratios(declare, metrics, tables, metric, ratio):
    other, name = np.exp(np.random.default_rng(2).normal(0, 0.05, 8)), metric["metric"]["name"]
    arms = {"a": ratio * OLD * RATIO, "b": OLD, "c": 0.8 * OLD * other, "d": 0.8 * OLD}
    claim = metric | LEVELS | {"min_effect": TENTH}
    row = row_of(declare, metrics, tables, claim, arms, name)
    logs = np.log(ratio * RATIO / other)
    assert row["estimate"] == pytest.approx(100 * np.expm1(logs.mean()))
    ends = 100 * np.expm1(scipy.stats.ttest_1samp(logs, 0).confidence_interval(row.interval_level))
    turned = ends if name == "speed" else -ends[::-1]
    assert (row["interval_low"], row["interval_high"]) == pytest.approx(tuple(turned))
    # The boundary of 10 % is exact on either side of a ratio of 1.
    beyond = [
        scipy.stats.ttest_1samp(logs, np.log(edge), alternative=side).pvalue
        for edge, side in ((0.9, "less"), (1.1, "greater"))
    ]
    assert row["p_supported"] == pytest.approx(min(2 * min(beyond), 1))
    assert row["p_refuted"] == pytest.approx(1 - min(beyond))
    assert (row["boundary"], row["unit"]) == (10, "%")
    assert row["detectable_effect"] > 10
    assert row["detectable_effect"] < 100
    assert row["treatment_mean"] / row["control_mean"] == pytest.approx(np.exp(logs.mean()))
    expected = {0.8: "supported", 1.0: "refuted", 1.2: "supported"}
    assert row["verdict"] == expected.get(ratio, row["verdict"])
    if ratio == 1.2:
        words = "the effect differs between levels by more than 10 % in"
        assert row["finding"] == f"{words} {name}"


def test_problems_of_any_size_are_pooled_by_their_ratios(declare, metrics, tables):
    problems, ratios = {}, {"small": 0.8, "large": 0.7}
    for name, ratio in ratios.items():
        size = {"small": 1, "large": 1000}[name]
        scores, trials = tables({"new": ratio * size * OLD * RATIO, "old": size * OLD}, "seconds")
        problems[name] = scores.merge(trials, on=["trial_id", "arm", "seed"])
    plan = declare(H1=SECONDS | {"min_effect": TENTH})
    row = judge_pooled(problems, plan, {"H1": list(problems)}, metrics).iloc[0]
    assert row["verdict"] == "supported"
    pooled = np.sqrt(0.8 * 0.7) * scipy.stats.gmean(RATIO)
    assert row["estimate"] == pytest.approx(100 * (pooled - 1))
    own = json.loads(row["problems"])
    for name, ratio in ratios.items():
        found = 100 * (1 - ratio * scipy.stats.gmean(RATIO))
        assert own[name]["effect"] == pytest.approx(found)
        assert own[name]["low"] < found < own[name]["high"]


def test_another_scale_is_a_departure_and_another_attempt(declare, metrics, tables):
    plan = declare(H1=SECONDS)
    trials = tables({"new": OLD, "old": OLD}, "seconds")[1]
    linear = {name: metric for name, metric in metrics.items() if name != "seconds"}
    then, now = declared_as(plan, trials, linear), declared_as(plan, trials, metrics)
    assert departures(now, then, "H1") == ["its scale is log, registered not set"]
    assert same(*(Asked(one.claims["H1"].claim, {}) for one in (now, then)), by_name=True)


@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize(("claim", "edge"), [("superiority", 0.9), ("non_inferiority", 1.1)])
def test_lognormal_scores_at_their_boundary(claim, edge, members):
    """Of ratios of lognormal scores whose logarithms scatter by 1, at n = 5."""
    rng = np.random.default_rng(members)
    shape = (20_000 * members, 5)
    control = np.exp(rng.normal(size=shape))
    treatment = edge * control * np.exp(rng.normal(size=shape))
    p = location_evidence(
        claim,
        "paired_t",
        np.log(treatment),
        np.log(control),
        Boundary(0.1, relative=True, log=True),
        lower_is_better=True,
    )
    verdict = decide(
        *(side.reshape(-1, members) for side in p),
        alpha=0.05,
        correction="holm",
        attainable=np.zeros(members),
        enough_seeds=np.full(members, True),
    ).verdict
    for value in ("supported", "refuted"):
        assert (verdict == value).any(axis=1).mean() <= 0.055


def test_skewed_differences_are_told(declare, metrics, tables):
    new = OLD.clip(0, 3) + np.array([0.1, 0.11, 0.12, 0.1, 0.13, 0.1, 0.12, 9.0])
    claim = {"metric": {"name": "loss", "split": "test"}}
    row = row_of(declare, metrics, tables, claim, {"new": new, "old": OLD.clip(0, 3)}, "loss")
    assert row["skewness"] < -2
    assert row["skewness_p"] < 0.001
    assert json.loads(row["sensitivity"])["skewed_t"] >= row["p_supported"]
    assert row["skewed_p_refuted"] >= row["p_refuted"]


def test_of_fewer_than_eight_pairs_no_allowance_is_shown(declare, metrics, tables):
    row = row_of(
        declare, metrics, tables, {}, {"new": OLD[:7] + 1, "old": OLD[:7] * RATIO[:7]}, "accuracy"
    )
    assert json.loads(row["sensitivity"]) == {}
    assert pd.isna(row["skewed_p_refuted"])
