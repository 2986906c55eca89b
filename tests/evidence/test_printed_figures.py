"""The figures that the specification prints, to the printed digit."""

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics.attainable import seeds_for_attainable, smallest_p
from latentlab.statistics.corrections import level_left
from latentlab.statistics.intervals import mean_interval
from latentlab.statistics.power import (
    MAX_SEEDS,
    detectable_correlation,
    detectable_effect,
    detectable_margin,
    equivalence_power,
    power,
    sd_upper_factor,
    seeds_for_effect,
    seeds_for_equivalence,
    trials_for_correlation,
)


@pytest.mark.parametrize(
    ("n", "printed"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (8, 0.0078125)]
)
@pytest.mark.parametrize("test", ["sign_flip", "wilcoxon"])
def test_smallest_two_sided_p_of_pairs(test, n, printed):
    assert 2 * smallest_p(test, n, n) == printed


@pytest.mark.parametrize(("n", "printed"), [(3, "0.100"), (4, "0.029"), (5, "0.008")])
def test_smallest_two_sided_p_of_mann_whitney(n, printed):
    assert f"{2 * smallest_p('mann_whitney', n, n):.3f}" == printed


@pytest.mark.parametrize(
    ("members", "paired", "unpaired"), [(1, 6, 4), (2, 7, 5), (4, 8, 5), (8, 9, 6), (16, 10, 6)]
)
def test_fewest_seeds_for_an_exact_test_after_holm(members, paired, unpaired):
    level = level_left(0.05, "holm", members) / 2
    assert seeds_for_attainable("sign_flip", level) == paired
    assert seeds_for_attainable("mann_whitney", level) == unpaired


def test_a_sampled_test_has_a_floor_that_no_number_of_seeds_lowers():
    assert smallest_p("sign_flip", 40, 40) == 1e-4
    assert seeds_for_attainable("sign_flip", 1e-6) is None
    assert seeds_for_attainable("wilcoxon", 1e-6) == 20


def test_too_few_scores_attain_nothing():
    assert smallest_p("paired_t", 1, 1) == 1
    assert smallest_p("sign_flip", 0, 0) == 1


@pytest.mark.parametrize(
    ("n", "independent", "paired"),
    [(3, 3.07, 3.26), (5, 2.02, 1.68), (8, 1.51, 1.16), (10, 1.33, 1.00), (20, 0.91, 0.66)],
)
def test_detectable_effect(n, independent, paired):
    # 1.325 is printed as 1.33.
    assert detectable_effect(n, 0.025, paired=False) == pytest.approx(independent, abs=0.0051)
    assert detectable_effect(n, 0.025, paired=True) == pytest.approx(paired, abs=0.0051)


@pytest.mark.parametrize(
    ("effect", "independent", "paired"),
    [(0.5, 64, 34), (0.8, 26, 15), (1, 17, 10), (1.5, 9, 6), (2, 6, 5)],
)
def test_seeds_per_arm(effect, independent, paired):
    assert seeds_for_effect(effect, 0.025, paired=False) == independent
    assert seeds_for_effect(effect, 0.025, paired=True) == paired


@pytest.mark.parametrize(
    ("margin", "equivalence", "non_inferiority"),
    [(0.5, 70, 51), (1, 18, 14), (1.5, 9, 7), (2, 6, 4)],
)
def test_seeds_per_arm_for_margins(margin, equivalence, non_inferiority):
    assert seeds_for_equivalence(margin, 0.05, paired=False) == equivalence
    assert seeds_for_effect(margin, 0.05, paired=False) == non_inferiority


def test_upper_factor_of_a_pilots_standard_deviation():
    assert [round(sd_upper_factor(n), 2) for n in (3, 5, 10)] == [2.12, 1.56, 1.29]


def test_an_effect_of_one_pilot_sd_needs_forty_seeds_not_seventeen():
    assert seeds_for_effect(1 / sd_upper_factor(5), 0.025, paired=False) == 40


def test_equivalence_power_by_simulation():
    d = np.random.default_rng(0).normal(0.2, 1, (20_000, 12))
    below = scipy.stats.ttest_1samp(d, 1.0, axis=1, alternative="less").pvalue < 0.05
    above = scipy.stats.ttest_1samp(d, -1.0, axis=1, alternative="greater").pvalue < 0.05
    simulated = np.mean(below & above)
    assert equivalence_power(1.0, 12, 0.05, paired=True, true_effect=0.2) == pytest.approx(
        simulated, abs=0.012
    )


@pytest.mark.parametrize("paired", [True, False])
def test_plans_are_inverse_to_power(paired):
    assert power(
        detectable_effect(7, 0.01, paired=paired), 7, 0.01, paired=paired
    ) == pytest.approx(0.8)
    margin = detectable_margin(7, 0.05, paired=paired)
    assert equivalence_power(margin, 7, 0.05, paired=paired) == pytest.approx(0.8)
    n = seeds_for_effect(0.7, 0.05, paired=paired)
    assert power(0.7, n, 0.05, paired=paired) >= 0.8 > power(0.7, n - 1, 0.05, paired=paired)


def test_what_no_number_of_seeds_settles():
    assert seeds_for_effect(0.0, 0.05, paired=True) is None
    assert seeds_for_effect(0.001, 0.05, paired=True) is None
    assert seeds_for_effect(0.03, 0.05, paired=True) <= MAX_SEEDS
    assert trials_for_correlation(0.0, 0.05) is None
    assert np.isnan(detectable_effect(1, 0.05, paired=True))


def test_correlation_plans_are_inverse_to_each_other():
    rho = detectable_correlation(40, 0.025)
    assert trials_for_correlation(rho + 1e-6, 0.025) == 40
    assert trials_for_correlation(rho - 1e-3, 0.025) == 41


@pytest.mark.parametrize(("n", "tolerance"), [(3, 0.01), (5, 0.01), (10, 0.01)])
def test_t_interval_covers_what_it_says(n, tolerance):
    draws = np.random.default_rng(n).normal(1.0, 2.0, (4_000, n))
    covered = [low <= 1.0 <= high for low, high in (mean_interval(d, 0.95) for d in draws)]
    assert np.mean(covered) == pytest.approx(0.95, abs=tolerance)


@pytest.mark.parametrize(("n", "printed"), [(3, 0.75), (5, 0.84)])
def test_why_a_bootstrap_of_few_seeds_is_refused(n, printed):
    rng = np.random.default_rng(n)
    draws = rng.normal(0.0, 1.0, (3_000, n))
    picks = rng.integers(0, n, (999, n))
    means = draws[:, picks].mean(axis=-1)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) == pytest.approx(printed, abs=0.03)
