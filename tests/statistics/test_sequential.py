"""Group-sequential levels: published constants, the level at few seeds, and what follows of it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from latentlab.statistics.alpha_spending import first_crossings, nominal_levels, spent
from latentlab.statistics.sequential import FixedDesign, GroupSequential

FIVE = np.arange(1.0, 6.0)


def deviate(p):
    return scipy.stats.norm.isf(p)


def null_t_tests(looks, studies, effect=0.0, seed=1):
    """One-sided p-values [looks, studies] of t tests on the same growing data."""
    data = np.random.default_rng(seed).normal(effect, size=(studies, looks[-1]))
    return np.array(
        [scipy.stats.ttest_1samp(data[:, :n], 0, axis=1, alternative="greater")[1] for n in looks]
    )


@pytest.mark.parametrize(
    ("shape", "constant"), [(np.sqrt(5 / FIVE), 2.040), (np.ones(5), 2.413)], ids=["OBF", "Pocock"]
)
def test_classic_constants_of_five_looks(shape, constant):
    """Jennison and Turnbull (2000), tables 2.1 and 2.3: two-sided .05 is .025 on each side."""

    def surplus(c):
        return first_crossings(c * shape, FIVE).sum() - 0.025

    assert scipy.optimize.brentq(surplus, 1, 4) == pytest.approx(constant, abs=5e-4)


@pytest.mark.parametrize(
    ("spending", "boundaries"),
    [
        # Lan and DeMets (1983); Jennison and Turnbull (2000), table 7.3; WinLD, ldbounds.
        ("obrien_fleming", [4.877, 3.357, 2.680, 2.290, 2.031]),
        ("pocock", [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_published_boundaries_of_lan_and_demets(spending, boundaries):
    levels = nominal_levels(0.025, (1, 2, 3, 4, 5), spending)
    assert deviate(levels) == pytest.approx(boundaries, abs=1e-3)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_all_of_alpha_is_spent_and_no_more(spending):
    looks = (5, 8, 10, 15)
    crossed = first_crossings(deviate(nominal_levels(0.05, looks, spending)), np.array(looks))
    assert np.cumsum(crossed) == pytest.approx(
        spent(0.05, np.array(looks) / 15, spending), rel=1e-4
    )
    assert crossed.sum() == pytest.approx(0.05, rel=1e-4)


def test_crossings_of_a_simulated_process():
    steps = np.random.default_rng(0).normal(size=(400_000, 3)) * np.sqrt([4, 2, 6])
    deviates = steps.cumsum(axis=1) / np.sqrt([4, 6, 12])
    over = deviates > [1.5, 1.7, 1.2]
    first = np.argmax(over, axis=1)[over.any(axis=1)]
    expected = np.bincount(first, minlength=3) / len(steps)
    found = first_crossings(np.array([1.5, 1.7, 1.2]), np.array([4.0, 6.0, 12.0]))
    assert found == pytest.approx(expected, abs=8e-4)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("looks", [(5, 10), (5, 10, 15, 20), (5, 8, 10, 15), (2, 3, 4, 5)])
def test_t_tests_at_few_seeds_keep_the_level(looks, spending):
    design = GroupSequential(looks, spending)
    p = null_t_tests(looks, 60_000)
    attained = np.min([design.attained(p[k], k) for k in range(len(looks))], axis=0)
    for alpha in (0.2, 0.05, 0.0125):
        assert np.mean(attained <= alpha) <= 1.05 * alpha + 3 * np.sqrt(alpha / 60_000)
        assert np.mean(attained <= alpha) >= 0.9 * alpha


def test_the_normal_law_alone_would_miss_the_level():
    looks = (2, 3, 4, 5)
    over = null_t_tests(looks, 60_000) <= nominal_levels(0.05, looks, "pocock")[:, None]
    assert over.any(axis=0).mean() > 0.057


@pytest.mark.parametrize("look", [0, 1, 2, 3])
def test_a_p_value_at_its_level_attains_alpha(look):
    design = GroupSequential((5, 10, 15, 20), "obrien_fleming")
    for alpha in (0.3, 0.05, 0.025, 0.00625):
        level = design.level(alpha, look)
        assert design.attained(np.array([level]), look)[0] == pytest.approx(alpha, rel=1e-6)
        assert level <= nominal_levels(alpha, design.looks, design.spending)[look] * (1 + 2e-3)


def test_what_is_far_out_stays_conservative():
    design = GroupSequential((5, 10), "pocock")
    attained = design.attained(np.array([1e-30, 0.97, 1.0, np.nan]), 1)
    assert attained[:3].tolist() == pytest.approx([1e-9, 1.0, 1.0])
    assert np.isnan(attained[3])


def test_a_fixed_design_changes_nothing():
    p = np.array([0.3, np.nan])
    assert FixedDesign().attained(p, 0) is p
    assert FixedDesign().level(0.05, 0) == 0.05


def test_stagewise_p_values():
    design = GroupSequential((5, 10), "pocock")
    assert design.stagewise_p(0.01, 0, 0.05) == pytest.approx(0.01, rel=1e-4)
    spent_first = design.level(0.05, 0)
    assert spent_first < design.stagewise_p(1e-9, 1, 0.05) < spent_first + 1e-6
    # At the boundary of the last look of a test of known variance, all of alpha.
    at_the_end = nominal_levels(0.05, (5, 10), "pocock")[1]
    assert design.stagewise_p(float(at_the_end), 1, 0.05) == pytest.approx(0.05, rel=2e-3)


def test_conditional_power_is_the_chance_that_the_trend_brings_it_home():
    design = GroupSequential((50, 100), "obrien_fleming")
    drift = 0.2
    p = np.array([scipy.stats.norm.sf(drift * np.sqrt(50))])
    rng = np.random.default_rng(0)
    ends = (50 * drift + 50 * drift + rng.normal(size=400_000) * np.sqrt(50)) / 10
    expected = np.mean(ends > deviate(design.level(0.025, 1)))
    found = design.conditional_power(p, 0, np.array([0.025]))
    assert found == pytest.approx(expected, abs=0.004)
    assert np.isnan(design.conditional_power(np.array([np.nan]), 0, np.array([0.025])))[0]
