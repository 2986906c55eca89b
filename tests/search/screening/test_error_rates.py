"""How often a refinement acts on noise, and finds what is there: fixed seeds, small numbers.

`benchmarks/refinement_error_rates.py` does the same with 300 and 100 sweeps.
"""

import pytest
from latentlab.search.refinement import Nulls, refine, rules_of
from scipy.stats import binom

from labs.refinement import PARAMETERS, settings
from latentlab.search.simulated_sweep import no_effect, simulated_sweep

# Many times what short tests run once: a tracer would only make it longer.
pytestmark = pytest.mark.no_cover

MODES = ("conservative", "aggressive")


@pytest.mark.parametrize(("method", "count"), [("random", 60), ("tpe", 20)])
def test_pure_noise_is_left_alone(method, count):
    nulls = Nulls(studies=49, permutations=199)
    acted = dict.fromkeys(MODES, 0)
    sweep = settings(method, 20, startup=12, cohort=8)
    for seed in range(count):
        table = simulated_sweep(sweep, no_effect, seed)
        for mode in MODES:
            found = refine(table, mode, nulls)
            significant = any(d.p_corrected <= found.rules.alpha for d in found.decisions)
            acted[mode] += found.changed or significant
    for mode in MODES:
        # More often than this at most once in a thousand times, if alpha is what it says.
        assert acted[mode] <= binom.ppf(0.999, count, rules_of(mode).alpha)
    # A test that never rejects would pass as well.
    assert acted["aggressive"] > 0


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
    nulls, count = Nulls(permutations=199), 10
    named, best, elsewhere = dict.fromkeys(MODES, 0), 0, 0
    for seed in range(count):
        table = simulated_sweep(settings("random", 60), truth, seed)
        for mode in MODES:
            found = refine(table, mode, nulls)
            decision = found.of(parameter)
            named[mode] += decision.changes_something and decision.direction == direction
            elsewhere += sum(found.of(name).changes_something for name in PARAMETERS) > 1
        best += decision.action == action
    assert min(named.values()) >= 9
    assert best >= 8
    assert elsewhere <= 3
