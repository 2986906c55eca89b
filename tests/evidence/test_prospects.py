"""What claims are foreseen to show is what judges say of it afterwards, at the same level."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy

from latentlab.evidence.prospects import prospects
from latentlab.evidence.tables import tidy
from latentlab.evidence.verdicts import judge
from latentlab.reporting.prospects import prospect_line

SCORES = {
    "new": [0.61, 0.66, 0.7, 0.72, 0.64, 0.69],
    "other": [0.6, 0.63, 0.61, 0.62, 0.64, 0.6],
    "old": [0.6, 0.61, 0.6, 0.62, 0.61, 0.6],
}
CLAIMS = {
    "better": {"min_effect": 0.01},
    "not_worse": {"kind": "non_inferiority", "margin": 0.02},
    "alike": {"kind": "equivalence", "margin": 0.5},
    "unpaired": {"pairing": "none", "test": {"primary": "welch_t"}},
    "wins": {"kind": "probability_of_superiority", "pairing": "seed"},
    "some": {
        "kind": "differs_from_control",
        "arms": {"treatments": ["new", "other"], "control": "old"},
        "pairing": "seed",
    },
    "goes_with": {
        "kind": "association",
        "against": {"factor": "objective.arm"},
        "direction": "positive",
    },
}


def foreseen(hypotheses, metrics, seeds, earlier=None, price=1.0):
    prices = dict.fromkeys(hypotheses.hypotheses, price)
    found = prospects(hypotheses, metrics, seeds, 3, prices, earlier)
    return {one.hypothesis: one for one in found}


def test_an_earlier_run_gives_what_its_verdicts_say(declare, metrics, tables):
    hypotheses = declare(**CLAIMS)
    scores, trials = tables(SCORES)
    rows = judge(scores, hypotheses, metrics, trials).set_index("hypothesis")
    found = foreseen(hypotheses, metrics, 6, tidy(scores, trials))
    assert list(found) == list(rows.index)
    for name, row in rows.iterrows():
        pilot = found[name].pilot
        if math.isnan(row["effect"]):
            assert pilot is None
            continue
        assert pilot.smallest == pytest.approx(row["detectable_effect"], nan_ok=True)
        assert pilot.effect == row["effect"]
        if pilot.needed is not None:
            assert pilot.needed.upper == row["seeds_needed"]
        assert prospect_line(found[name]).startswith(f"{name}: 6 seeds show")
    spread = np.std(np.subtract(SCORES["new"], SCORES["old"]), ddof=1)
    better = found["better"]
    assert (better.pilot.smallest - 0.01) / spread == pytest.approx(better.smallest)
    # Other seeds than were run: the same spread, by the power of theirs.
    more = foreseen(hypotheses, metrics, 24, tidy(scores, trials))["better"]
    assert (more.pilot.smallest - 0.01) / spread == pytest.approx(more.smallest)
    assert more.smallest < better.smallest / 2


def test_the_smallest_effect_is_shown_four_times_in_five(declare, metrics):
    """By simulated studies, at what Holm leaves to the first of three claims."""
    hypotheses = declare(a={}, b={}, c={})
    found = foreseen(hypotheses, metrics, 8)["a"]
    assert found.level == pytest.approx(0.05 / 3)
    rng = np.random.default_rng(0)
    differences = rng.normal(found.smallest, 1.0, (20_000, 8))
    p = scipy.stats.ttest_1samp(differences, 0.0, axis=1, alternative="greater").pvalue
    assert np.mean(p <= found.level) == pytest.approx(0.8, abs=0.01)


def test_earlier_attempts_looks_and_exact_tests_cost_seeds(declare, metrics):
    plain = declare(a={})
    first, second = (foreseen(plain, metrics, 8, price=price)["a"] for price in (1.0, 40.0))
    assert second.level == pytest.approx(first.level / 40)
    assert second.smallest > first.smallest
    stopping = {"design": "group_sequential", "looks": [4, 8], "spending": "obrien_fleming"}
    looked = plain.model_copy(
        update={"stopping": type(plain).model_fields["stopping"].annotation.__args__[0](**stopping)}
    )
    assert foreseen(looked, metrics, 8)["a"].level < first.level
    exact = declare(a={"test": {"primary": "sign_flip", "sides": "one"}})
    assert math.isnan(foreseen(exact, metrics, 4)["a"].smallest)
    assert "show nothing" in prospect_line(foreseen(exact, metrics, 4)["a"])
    assert math.isnan(foreseen(plain, metrics, 2)["a"].smallest), "fewer than min_seeds"
