"""The claim that arms rank differently over several problems."""

import json

import numpy as np
import pytest

from latentlab.core.errors import UserError
from latentlab.evidence.pooled_verdicts import judge_pooled
from latentlab.evidence.verdicts import judge
from latentlab.reporting.pooled import pooled_facts
from latentlab.reporting.verdict_prose import pooled_sentence

RNG = np.random.default_rng(0)
CLAIM = {"kind": "ranks_differ", "arms": ["old", "a", "b"]}
GAINS = {"old": 3.0, "a": 2.0, "b": 1.0}


@pytest.fixture
def problems(tables):
    """Six problems of very different scale; b is always best, old always worst."""
    found = {}
    for k, scale in enumerate([1.0, 10.0, 0.1, 100.0, 3.0, 7.0]):
        arms = {arm: scale * (gain + RNG.normal(0, 0.1, 4)) for arm, gain in GAINS.items()}
        scores, trials = tables(arms, metric="loss")
        found[f"p{k}"] = scores.merge(trials)
    return found


def pool(declare, metrics, problems, claim):
    named = {"metric": {"name": "loss", "split": "test"}}
    plan = declare(H1=CLAIM | named | claim)
    return judge_pooled(problems, plan, {"H1": list(problems)}, metrics).iloc[0]


def test_ranks_need_no_common_scale(declare, metrics, problems):
    row = pool(declare, metrics, problems, {})
    assert (row["verdict"], row["n"], row["n_unit"]) == ("supported", 6, "problem")
    assert json.loads(row["mean_ranks"]) == {"old": 3.0, "a": 2.0, "b": 1.0}
    assert row["p_supported"] <= 0.001
    # A loss: b is best, so that the contrast old - b is negative.
    beside = json.loads(row["contrasts"])
    assert list(beside) == ["old - a", "old - b", "a - b"]
    assert row["effect"] == beside["old - b"]["effect"] == -2.0
    sentence = pooled_sentence(row.to_dict())
    assert "Mean ranks, 1 is best: b 1.00, a 2.00, old 3.00." in sentence
    assert "problems differ" not in sentence
    (counts,) = pooled_facts(row.to_dict()).values()
    assert str(counts).count(" 4") == 6


def test_against_a_control_by_holm(declare, metrics, problems):
    beside = json.loads(pool(declare, metrics, problems, {"control": "old"})["contrasts"])
    assert list(beside) == ["a - old", "b - old"]
    # z = difference of ranks / sqrt(k (k + 1) / (6 N)), twice its tail, times two.
    assert beside["b - old"]["p"] == pytest.approx(4 * 0.000266, rel=0.01)


def test_two_problems_cannot_decide(declare, metrics, problems):
    few = dict(list(problems.items())[:2])
    row = pool(declare, metrics, few, {"min_seeds": 2})
    assert row["verdict"] == "inconclusive"
    assert row["cause"].startswith("unattainable: friedman_permutation")


def test_one_problem_alone_is_not_judged(declare, metrics, tables):
    scores, trials = tables({"old": [1, 2, 3], "a": [2, 3, 4], "b": [4, 5, 7]})
    row = judge(scores, declare(H1=CLAIM), metrics, trials).iloc[0]
    assert row["verdict"] == "not_run"
    assert "pooled verdicts" in row["cause"]


@pytest.mark.parametrize(
    ("claim", "words"),
    [({"arms": ["a", "b"]}, ["three or more"]), ({"control": "c"}, ["'c'", "old, a, b"])],
)
def test_what_cannot_be_declared(declare, claim, words):
    with pytest.raises(UserError) as caught:
        declare(H1=CLAIM | claim)
    assert all(word in str(caught.value) for word in words), caught.value
