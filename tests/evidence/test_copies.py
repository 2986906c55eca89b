"""Seeds that repeat another one's outcome decide nothing."""

import numpy as np
import pandas as pd
import pytest

from latentlab.evidence.copies import outcomes
from latentlab.evidence.verdicts import judge

RNG = np.random.default_rng(0)
OLD = RNG.normal(0.5, 0.05, 8)
NEW = OLD + RNG.normal(0.02, 0.02, 8)


def of(built, plan, metrics):
    scores, trials = built
    return scores, plan, metrics, trials


def repeated(values, times):
    return np.tile(values, times)


def test_copies_make_a_claim_invalid_and_the_cause_names_them(declare, metrics, tables):
    once = judge(*of(tables({"new": NEW, "old": OLD}), declare(H1={}), metrics)).iloc[0]
    assert once["verdict"] in {"supported", "inconclusive"}
    four = tables({"new": repeated(NEW, 4), "old": repeated(OLD, 4)})
    row = judge(*of(four, declare(H1={}), metrics)).iloc[0]
    assert row["verdict"] == "invalid"
    assert row["cause"].startswith("copied seeds: scores of arm new are equal in seeds 0, 8, 16")
    assert "45 further copies" in row["cause"]


@pytest.mark.parametrize(
    ("kind", "arms"),
    [
        ({}, {"new": repeated(NEW[:4], 2), "old": OLD}),
        (
            {"pairing": "none", "test": {"primary": "welch_t"}},
            {"new": NEW, "old": repeated(OLD[:4], 2)},
        ),
        (
            {"kind": "association", "direction": "positive", "against": {"factor": "width"}},
            {"new": repeated(NEW[:4], 2), "old": OLD},
        ),
    ],
)
def test_one_arm_with_copies_is_enough_in_every_kind(declare, metrics, tables, kind, arms):
    row = judge(*of(tables(arms), declare(H1=kind), metrics)).iloc[0]
    assert row["verdict"] == "invalid"
    assert "copied seeds" in row["cause"]


@pytest.mark.parametrize(
    "shares", [np.arange(40, 44) / 60, np.array([np.float32(k / 60) for k in range(40, 44)])]
)
def test_shares_of_a_few_examples_tie_by_chance(declare, metrics, tables, shares):
    built = tables({"new": repeated(shares, 2), "old": repeated(shares - 0.25, 2)})
    row = judge(*of(built, declare(H1={"test": {"primary": "sign_flip"}}), metrics)).iloc[0]
    assert row["verdict"] == "supported"


def test_a_baseline_may_be_constant_but_not_all_arms(declare, metrics, tables):
    constant = np.full(8, OLD[0])
    row = judge(*of(tables({"new": NEW, "old": constant}), declare(H1={}), metrics)).iloc[0]
    assert row["verdict"] != "invalid"
    both = tables({"new": constant + 0.1, "old": constant})
    assert judge(*of(both, declare(H1={}), metrics)).iloc[0]["verdict"] == "invalid"


def test_equal_weights_are_copies_whatever_their_scores(declare, metrics, tables):
    scores, trials = tables({"new": NEW, "old": OLD})
    digests = [f"{k}" for k in range(len(trials))]
    plan = declare(H1={})
    assert judge(scores, plan, metrics, trials.assign(weights_digest=digests)).iloc[0][
        "verdict"
    ] != ("invalid")
    digests[3] = digests[5]
    row = judge(scores, plan, metrics, trials.assign(weights_digest=digests)).iloc[0]
    assert row["cause"] == "copied seeds: weights of arm new are equal in seeds 3, 5"


def test_trials_are_told_apart_by_any_score_but_their_times():
    def trial(name, kl, accuracy, seconds):
        return [
            {"trial_id": name, "split": "test", "metric": "kl", "value": kl},
            {"trial_id": name, "split": "test", "metric": "accuracy", "value": accuracy},
            {"trial_id": name, "split": "train", "metric": "step_seconds_alone", "value": seconds},
        ]

    kl = 12.345678901234
    rows = [*trial("a", kl, 0.5, 1.1), *trial("b", kl, 0.5, 2.2), *trial("c", kl, 0.75, 1.1)]
    found = outcomes(pd.DataFrame(rows))
    assert found["a"] == found["b"] != found["c"]
    assert "c" in found
    assert outcomes(pd.DataFrame(trial("d", 3.0, 0.25, 0.123456789))).empty
