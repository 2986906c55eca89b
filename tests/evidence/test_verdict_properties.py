"""Properties that hold for every table of scores."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentlab.evidence.decisions import decide, location_evidence
from latentlab.evidence.margins import Boundary
from latentlab.evidence.verdicts import judge
from latentlab.reporting.verdict_cells import boundaries

FIXTURES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
UNPAIRED = {"pairing": "none", "test": {"primary": "welch_t"}}


def samples(n):
    # Whole steps make ties, equal arms and flat arms likely.
    return hnp.arrays(float, n, elements=st.integers(-8, 8).map(lambda k: k / 8))


@FIXTURES
@given(new=samples(6), old=samples(6), kind=st.sampled_from(["t", "flip", "equivalence"]))
def test_swapped_arms_mirror(*, declare, metrics, tables, new, old, kind):
    claim = {
        "t": {},
        "flip": {"test": {"primary": "sign_flip"}},
        "equivalence": {"kind": "equivalence", "margin": 0.3},
    }[kind]
    swapped = claim | {"arms": {"treatment": "old", "control": "new"}}
    scores, trials = tables({"new": new, "old": old})
    table = judge(scores, declare(H1=claim), metrics, trials)
    mirror = judge(scores, declare(H1=swapped), metrics, trials)
    assert mirror["estimate"][0] == pytest.approx(-table["estimate"][0])
    assert mirror["interval_low"][0] == pytest.approx(-table["interval_high"][0])
    expected = {"supported": "refuted", "refuted": "supported"}
    if kind == "equivalence":
        expected = {}
    verdict = table["verdict"][0]
    assert mirror["verdict"][0] == expected.get(verdict, verdict)


def test_moving_seeds_between_arms_matters_only_to_pairs(declare, metrics, tables):
    rng = np.random.default_rng(0)
    base = rng.normal(size=8)
    new, old = base + 0.1 + 0.01 * rng.normal(size=8), base
    straight = tables({"new": new, "old": old})
    moved = tables({"new": np.roll(new, 3), "old": old})
    plan = declare(families={"primary": {"correction": "none"}}, H1={}, H2=UNPAIRED)
    before = judge(straight[0], plan, metrics, straight[1])
    after = judge(moved[0], plan, metrics, moved[1])
    columns = ["p_supported", "p_refuted", "interval_low", "interval_high", "verdict"]
    assert before.loc[0, "verdict"] == "supported"
    assert after.loc[0, "verdict"] == "inconclusive"
    for column in columns[:-1]:
        assert before.loc[1, column] == pytest.approx(after.loc[1, column])
    assert before.loc[1, "verdict"] == after.loc[1, "verdict"]


@FIXTURES
@given(new=samples(5), old=samples(5), copies=st.integers(1, 4))
def test_logging_a_trial_again_changes_nothing(*, declare, metrics, tables, new, old, copies):
    plan = declare(H1={}, H2=UNPAIRED, H3={"kind": "non_inferiority", "margin": 0.2})
    scores, trials = tables({"new": new, "old": old})
    once = judge(scores, plan, metrics, trials)
    later = trials.assign(started_at="2027-01-01T00:00:00Z", status="reused")
    again = judge(
        pd.concat([scores, *[scores.iloc[::-1]] * copies]),
        plan,
        metrics,
        pd.concat([trials, *[later] * copies]),
    )
    pd.testing.assert_frame_equal(once, again)


@FIXTURES
@given(new=samples(6), old=samples(6), order=st.permutations(range(12)))
def test_the_order_of_rows_is_irrelevant(*, declare, metrics, tables, new, old, order):
    scores, trials = tables({"new": new, "old": old})
    plan = declare(H1={"test": {"sensitivity": ["wilcoxon"]}})
    first = judge(scores, plan, metrics, trials)
    second = judge(scores.iloc[order], plan, metrics, trials.iloc[order[::-1]])
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


@FIXTURES
@given(new=samples(6), old=samples(6), irrelevant=samples(6))
def test_an_irrelevant_hypothesis_can_only_weaken(
    *, declare, metrics, tables, new, old, irrelevant
):
    scores, trials = tables({"new": new, "old": old, "other": irrelevant})
    other = {"arms": {"treatment": "other", "control": "old"}}
    alone = judge(scores, declare(H1={}), metrics, trials).iloc[0]
    together = judge(scores, declare(H1={}, H2=other), metrics, trials).iloc[0]
    for column in ("p_supported_adjusted", "p_refuted_adjusted"):
        undefined = np.isnan([together[column], alone[column]])
        assert undefined.all() or together[column] >= alone[column]
    assert together["verdict"] in (alone["verdict"], "inconclusive")


@settings(max_examples=80, deadline=None)
@given(
    x=samples((3, 6)),
    y=samples((3, 6)),
    comparison=st.sampled_from(["superiority", "non_inferiority", "equivalence"]),
    test=st.sampled_from(["paired_t", "sign_flip", "wilcoxon", "welch_t", "mann_whitney"]),
    boundary=st.sampled_from([Boundary(0.25), Boundary(0.1, relative=True)]),
    lower=st.booleans(),
)
def test_support_and_refutation_exclude_each_other(*, x, y, comparison, test, boundary, lower):
    supported, refuted = location_evidence(comparison, test, x, y, boundary, lower_is_better=lower)
    assert not np.any((supported <= 0.05) & (refuted <= 0.05))


PAIRED = ("paired_t", "sign_flip", "wilcoxon")
UNPAIRED_TESTS = ("welch_t", "mann_whitney", "permutation")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    new=samples(6),
    old=samples(6),
    untied=st.integers(0, 10_000),
    test=st.sampled_from([*PAIRED, *UNPAIRED_TESTS]),
    kind=st.sampled_from(["superiority", "non_inferiority", "equivalence"]),
    size=st.sampled_from([0.125, 0.3, "10% of control mean", "60% of control mean"]),
    metric=st.sampled_from(["accuracy", "loss", "seconds", "speed"]),
)
def test_verdict_and_interval_agree(
    *, declare, metrics, tables, new, old, untied, test, kind, size, metric
):
    """`supported` just where the interval lies beyond the boundary; on an end either may be."""
    if metrics[metric].scale == "log" and not isinstance(size, str):
        size = "30% of control mean"
    claim = {
        "kind": kind,
        "min_effect" if kind == "superiority" else "margin": size,
        "metric": {"name": metric, "split": "test"},
        "pairing": "seed" if test in PAIRED else "none",
        "test": {"primary": test},
    }
    old = old + 2
    if isinstance(size, str):
        # A rank test of a margin in % may turn back where shares of tied scores tie again.
        noise = np.random.default_rng(untied).normal(0, 0.2, (2, 6))
        new, old = np.abs(new + 2) + 0.1 + noise[0] ** 2, np.abs(old) + 0.5 + noise[1] ** 2
    scores, trials = tables({"new": new, "old": old}, metric)
    row = judge(scores, declare(H1=claim), metrics, trials).iloc[0]
    bounds = boundaries(row.to_dict())
    low, high, tiny = row["interval_low"], row["interval_high"], 1e-9
    if np.isnan(row["p_supported"]):
        return
    beyond = low > bounds[0] + tiny and (kind != "equivalence" or high < bounds[1] - tiny)
    within = low < bounds[0] - tiny or (kind == "equivalence" and high > bounds[1] + tiny)
    assert not (beyond and row["verdict"] != "supported")
    assert not (within and row["verdict"] == "supported")
    if kind != "equivalence":
        assert not (high < bounds[0] - tiny and row["verdict"] != "refuted")
        assert not (high > bounds[0] + tiny and row["verdict"] == "refuted")


@settings(max_examples=80, deadline=None)
@given(
    p=hnp.arrays(float, (2, 4, 3), elements=st.floats(0, 1)),
    correction=st.sampled_from(["holm", "fdr_bh", "bonferroni", "none"]),
    enough=hnp.arrays(bool, 3),
)
def test_the_decision_rule(p, correction, enough):
    decision = decide(
        p[0],
        p[1],
        alpha=0.05,
        correction=correction,
        attainable=np.zeros(3),
        enough_seeds=enough,
    )
    assert np.all(decision.verdict[:, ~enough] == "inconclusive")
    assert np.all(decision.supported_adjusted[decision.verdict == "supported"] <= 0.05)
    assert np.all(decision.refuted_adjusted[decision.verdict == "refuted"] <= 0.05)
    both = (decision.supported_adjusted <= 0.05) & (decision.refuted_adjusted <= 0.05)
    assert np.all(decision.verdict[both] == "inconclusive")


@FIXTURES
@given(new=samples(4), old=samples(4))
def test_too_few_seeds_never_leave_inconclusive(declare, metrics, tables, new, old):
    plan = declare(
        defaults={"min_seeds": 5},
        H1={},
        H2={"kind": "equivalence", "margin": 0.1},
        H3={**UNPAIRED, "kind": "non_inferiority", "margin": 0.1},
    )
    scores, trials = tables({"new": new, "old": old})
    assert set(judge(scores, plan, metrics, trials)["verdict"]) == {"inconclusive"}
