"""How often a screening errs, and finds what is there: fixed seeds, small numbers.

`benchmarks/refinement_error_rates.py` does the same with 300 and 100 sweeps.
"""

import numpy as np
import pytest
from scipy.stats import binom

from labs.refinement import PARAMETERS, settings
from latentlab.search.matrix import sweep_matrix
from latentlab.search.refine import refine, rules_of
from latentlab.search.screening import HIGH, MODERATE, NullDistribution, screen
from latentlab.search.simulated_sweep import no_effect, simulated_sweep

MODES = ("conservative", "aggressive")
ACTS = {"conservative": {"high"}, "aggressive": {"high", "moderate"}}


def contradictions(screening, refinement):
    """Decisions that act on what the screening does not call significant, or are silent on it."""
    acts = ACTS[refinement.rules.mode]
    found = []
    for one in refinement.decisions:
        test = screening.tests[one.parameter]
        if one.action not in {"drop", "keep"} and test.tier not in acts:
            found.append(one)
        # What is said to be chance, or to have gone along, is not called significant.
        if one.rule in ("main effect", "effect given stronger ones") and test.tier in acts:
            found.append(one)
        if (one.p_corrected, one.tier) != (test.p_corrected, test.tier) and test.tier != (
            "untestable"
        ):
            found.append(one)
    return found


@pytest.mark.parametrize(("method", "count"), [("random", 60), ("tpe", 20)])
def test_pure_noise_is_left_alone(method, count):
    null = NullDistribution(runs=49, permutations=199)
    acted = dict.fromkeys(MODES, 0)
    sweep = settings(method, 20, startup=12, cohort=8)
    for seed in range(count):
        screening = screen(sweep_matrix(simulated_sweep(sweep, no_effect, seed)), null)
        for mode in MODES:
            found = refine(screening, mode)
            significant = any(d.p_corrected <= found.rules.alpha for d in found.decisions)
            acted[mode] += found.changed or significant
            assert not contradictions(screening, found)
    for mode in MODES:
        # More often than this at most once in a thousand times, if alpha is what it says.
        assert acted[mode] <= binom.ppf(0.999, count, rules_of(mode).alpha)
    # A test that never rejects would pass as well.
    assert acted["aggressive"] > 0


FLOAT = {"type": "float", "low": 0.0, "high": 1.0}
ONE_FLOAT_MATTERS = {
    **dict.fromkeys(("x", "y", "u", "v"), FLOAT),
    "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
}


@pytest.mark.parametrize(("x", "y"), [(4.0, 0.0), (13.0, 4.0)], ids=str)
def test_innocent_parameters_are_not_called_significant_beside_real_ones(x, y):
    """TPE draws innocent parameters along with those that matter."""
    null, count, innocent, real = NullDistribution(runs=99), 30, {"u", "v", "kind"}, {"x"}
    if y:
        real.add("y")
    else:
        innocent.add("y")
    sweep = settings("tpe", 40, ONE_FLOAT_MATTERS, startup=16)
    called, naive, missed = {HIGH: 0, MODERATE: 0}, 0, 0
    for seed in range(count):
        table = simulated_sweep(sweep, lambda row: x * row["x"] + y * row["y"], seed)
        screening = screen(sweep_matrix(table), null)
        tests = screening.tests
        for level in called:
            called[level] += any(tests[name].significant(level) for name in innocent)
        naive += any(tests[name].p_main <= MODERATE for name in innocent)
        missed += not any(tests[name].tier == "high" for name in real)
        for mode in MODES:
            assert not contradictions(screening, refine(screening, mode))
    # At most 5 % and three standard errors.
    allowed = 0.05 * count + 3 * np.sqrt(0.05 * 0.95 * count)
    assert called[HIGH] <= called[MODERATE] <= allowed
    assert missed == 0
    # Main effects alone would be wrong much more often: the simulation can tell.
    assert naive > allowed


def two_of_the_switch(row):
    return 2.0 * row["use_scheduler"]


def falling(row):
    # Spearman's rho with the score is -.80 over uniform draws.
    return -1.29 * 12**0.5 * row["label_smoothing"] / 0.2


def optimum_at_the_bound(row):
    return -4.47 * ((row["width"] - 3.0) / 2.5) ** 2


@pytest.mark.parametrize(
    ("truth", "parameter", "direction", "action"),
    [
        (two_of_the_switch, "use_scheduler", "true", "fix"),
        (falling, "label_smoothing", "decrease", "fix to bound"),
        (optimum_at_the_bound, "width", "increase", "expand"),
    ],
)
def test_planted_effects_are_found(truth, parameter, direction, action):
    null, count = NullDistribution(permutations=199), 10
    named, best, elsewhere = dict.fromkeys(MODES, 0), 0, 0
    for seed in range(count):
        table = simulated_sweep(settings("random", 60), truth, seed)
        screening = screen(sweep_matrix(table), null)
        for mode in MODES:
            found = refine(screening, mode)
            assert not contradictions(screening, found)
            decision = found.of(parameter)
            named[mode] += decision.changes_something and decision.direction == direction
            elsewhere += sum(found.of(name).changes_something for name in PARAMETERS) > 1
        best += decision.action == action
    assert min(named.values()) >= 9
    assert best >= 8
    assert elsewhere <= 3
