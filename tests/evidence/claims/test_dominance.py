"""The claim that one arm beats another with more than a stated probability."""

import json

import numpy as np
import pytest
import scipy

from latentlab.core.errors import UserError
from latentlab.evidence.verdicts import judge
from latentlab.reporting.verdict_cells import verdict_table
from latentlab.reporting.verdict_prose import verdict_sentence

RNG = np.random.default_rng(3)
OLD = RNG.normal(0.5, 0.05, 12)
NEW = OLD + RNG.normal(0.04, 0.01, 12)
CLAIM = {"kind": "probability_of_superiority"}
MEANS = {"min_seeds": 3, "test": {"primary": "paired_t"}}


def row_of(declare, metrics, tables, claim, new=NEW, metric="accuracy"):
    scores, trials = tables({"new": new, "old": OLD}, metric=metric)
    named = {"metric": {"name": metric, "split": "test"}}
    return judge(scores, declare(defaults=MEANS, H1=CLAIM | named | claim), metrics, trials).iloc[0]


def test_all_seeds_won(declare, metrics, tables):
    row = row_of(declare, metrics, tables, {"threshold": 0.75})
    assert row["p_supported"] == pytest.approx(0.75**12)
    assert (row["verdict"], row["effect"], row["boundary"]) == ("supported", 1.0, 0.75)
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((0.05 ** (1 / 12), 1.0))
    assert row["finding"] == "new beats old in accuracy with a probability of more than 0.75"
    assert row["attainable_p"] == pytest.approx(0.75**12)
    sentence = verdict_sentence(row.to_dict())
    assert "effect 1.00 [0.78, 1.00], unadjusted 90 % interval, 12 seeds" in sentence
    assert verdict_table(row.to_frame().T)["boundary"].tolist() == ["above 0.75"]


def test_lower_is_better_and_the_other_direction_refutes(declare, metrics, tables):
    row = row_of(declare, metrics, tables, {}, metric="loss")
    assert (row["estimate"], row["effect"], row["verdict"]) == (1.0, 0.0, "refuted")
    assert row["finding"] == "new beats old in loss with a probability of less than 0.5"


def test_two_sides_and_mid_p_beside(declare, metrics, tables):
    new = NEW - 0.04
    wins = int((new > OLD).sum())
    one = row_of(declare, metrics, tables, {}, new=new)
    two = row_of(declare, metrics, tables, {"test": {"sides": "two"}}, new=new)
    exact = scipy.stats.binomtest(wins, 12, 0.5, alternative="greater").pvalue
    assert one["p_supported"] == pytest.approx(exact)
    assert two["p_supported"] == pytest.approx(min(1.0, 2 * exact))
    mid_p = exact - scipy.stats.binom.pmf(wins, 12, 0.5) / 2
    assert json.loads(one["sensitivity"])["sign_mid_p"] == pytest.approx(mid_p)
    assert (one["test"], one["verdict"]) == ("sign", "inconclusive")
    assert one["seeds_needed"] > 12


def test_unpaired_arms_are_brunner_and_munzels(declare, metrics, tables):
    row = row_of(declare, metrics, tables, {"pairing": "none"})
    expected = scipy.stats.brunnermunzel(OLD, NEW).statistic
    assert row["p_supported"] == pytest.approx(scipy.stats.t.sf(abs(expected), 11))
    assert row["test"] == "brunner_munzel"
    assert row["interval_low"] < row["effect"] < row["interval_high"]


def test_too_few_seeds_to_win_are_unattainable(declare, metrics, tables):
    row = row_of(declare, metrics, tables, {"threshold": 0.8})
    assert row["verdict"] == "inconclusive"
    assert row["cause"].startswith("unattainable: sign cannot give a p-value below 0.0687")
    assert row["seeds_needed"] == 14


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({"threshold": 1.0}, ["threshold"]),
        ({"threshold": True}, ["threshold", "True is no number"]),
        ({"pairing": "none", "threshold": 0.75}, ["threshold", "0.5 alone", "pairing: seed"]),
        ({"test": {"primary": "paired_t"}}, ["test.primary"]),
    ],
)
def test_what_cannot_be_declared(declare, claim, words):
    with pytest.raises(UserError) as caught:
        declare(H1=CLAIM | claim)
    assert all(word in str(caught.value) for word in words), caught.value
