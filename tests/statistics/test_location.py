"""Tests of location against scipy and against examples in print."""

import itertools

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics.location import location_p

# Student (1908): hours of sleep gained under two drugs, ten patients (R's `sleep`).
DRUG_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
DRUG_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
# Hollander & Wolfe (1973), depression scores before and after (R's ?wilcox.test).
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
# Hollander & Wolfe (1973), permeability of the placenta (R's ?wilcox.test).
AT_TERM = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
EARLY = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
# Darwin's maize, crossed less self-fertilised, in eighths of an inch.
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)


def one(test, x, y, alternative="greater"):
    return float(location_p(test, np.asarray(x)[None], np.asarray(y)[None], alternative)[0])


def test_students_sleep_paired():
    assert 2 * one("paired_t", DRUG_2, DRUG_1) == pytest.approx(0.002833, abs=5e-7)


def test_students_sleep_welch():
    assert 2 * one("welch_t", DRUG_2, DRUG_1) == pytest.approx(0.07939, abs=5e-6)


def test_hollander_and_wolfe_signed_rank():
    assert one("wilcoxon", BEFORE, AFTER) == pytest.approx(0.01953, abs=5e-6)


def test_hollander_and_wolfe_rank_sum():
    assert one("mann_whitney", AT_TERM, EARLY) == pytest.approx(0.1272, abs=5e-5)


def test_fisher_counted_863_of_32768_sign_patterns_of_darwins_maize():
    assert one("sign_flip", MAIZE, np.zeros(15)) == 863 / 32768


@pytest.mark.parametrize("alternative", ["greater", "less"])
@pytest.mark.parametrize(
    ("test", "reference"),
    [
        ("paired_t", lambda x, y, a: scipy.stats.ttest_rel(x, y, alternative=a).pvalue),
        (
            "welch_t",
            lambda x, y, a: scipy.stats.ttest_ind(x, y, equal_var=False, alternative=a).pvalue,
        ),
        ("wilcoxon", lambda x, y, a: scipy.stats.wilcoxon(x - y, alternative=a).pvalue),
        (
            "mann_whitney",
            lambda x, y, a: scipy.stats.mannwhitneyu(x, y, alternative=a, method="exact").pvalue,
        ),
    ],
)
def test_each_study_of_a_stack_is_judged_as_scipy_judges_it_alone(test, reference, alternative):
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.4, 1, (6, 7)), rng.normal(0, 2, (6, 7))
    expected = [reference(a, b, alternative) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(location_p(test, x, y, alternative), expected, rtol=1e-12)


def test_independent_permutation_counts_all_regroupings():
    # 3 + 3 scores, the groups apart: one regrouping of twenty is as extreme.
    assert one("permutation", [4.0, 5, 6], [1.0, 2, 3]) == pytest.approx(1 / 20)
    assert one("permutation", [4.0, 5, 6], [1.0, 2, 3], "less") == pytest.approx(1)


@pytest.mark.parametrize("test", ["wilcoxon", "mann_whitney"])
def test_rank_tests_stay_exact_with_ties(test):
    # Five equal gains: the normal approximation gives less than the least possible 1 / 32.
    smallest = {"wilcoxon": 1 / 32, "mann_whitney": 1 / 252}[test]
    assert one(test, np.full(5, 2.0), np.ones(5)) == pytest.approx(smallest)


def test_scores_without_spread_have_no_t_test_but_a_permutation_test():
    # 0.3 - 0.1 and 0.4 - 0.2 differ in the last bit alone.
    x, y = np.array([0.3, 0.4, 0.5]), np.array([0.1, 0.2, 0.3])
    assert np.isnan(one("paired_t", x, y))
    assert np.isnan(one("welch_t", np.full(3, 2.0), np.ones(3)))
    assert one("sign_flip", x, y) == pytest.approx(1 / 8)


def test_a_flat_study_does_not_disturb_its_neighbours():
    x = np.array([[1.0, 1, 1], [1.0, 2, 4]])
    p = location_p("paired_t", x, np.zeros((2, 3)), "greater")
    assert np.isnan(p[0])
    assert p[1] == pytest.approx(scipy.stats.ttest_1samp([1, 2, 4], 0, alternative="greater")[1])


@pytest.mark.parametrize("test", ["sign_flip", "permutation"])
def test_sampled_permutations_give_one_p_per_table(test):
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.3, 1, (1, 20)), rng.normal(0, 1, (1, 20))
    first = location_p(test, x, y, "greater")
    assert first == location_p(test, x, y, "greater")
    t = location_p("paired_t" if test == "sign_flip" else "welch_t", x, y, "greater")
    assert first == pytest.approx(t, abs=0.03)


def test_one_score_is_no_test():
    assert np.isnan(one("sign_flip", [1.0], [0.0]))


def exact_p(test, x, y):
    """By enumeration in whole numbers: share of arrangements at least as extreme as observed."""
    if test in ("sign_flip", "wilcoxon"):
        values = [a - b for a, b in zip(x, y, strict=True)]
        if test == "wilcoxon":
            ranks = scipy.stats.rankdata(np.abs(values))
            # A zero's rank is split between the signs, whatever its sign.
            values = [int(2 * r) * int(np.sign(d)) for r, d in zip(ranks, values, strict=True)]
        arranged = [
            sum(s * v for s, v in zip(signs, values, strict=True))
            for signs in itertools.product((1, -1), repeat=len(values))
        ]
        observed = sum(values)
    else:
        pooled = np.array([*x, *y])
        if test == "mann_whitney":
            pooled = (2 * scipy.stats.rankdata(pooled)).astype(int)
        chosen = itertools.combinations(range(len(pooled)), len(x))
        arranged = [int(pooled[list(one)].sum()) for one in chosen]
        observed = int(pooled[: len(x)].sum())
    return np.mean([one >= observed for one in arranged])


@pytest.mark.parametrize("test", ["sign_flip", "wilcoxon", "mann_whitney", "permutation"])
def test_ties_beside_a_margin_are_ties_in_shares_and_in_per_cent(test):
    """Against whole numbers, in which nothing is rounded."""
    rng = np.random.default_rng(4)
    for _ in range(60):
        x, y = rng.integers(60, 72, (2, 5))
        margin = int(rng.integers(1, 4))
        expected = exact_p(test, x, y - margin)
        for scale in (0.01, 1.0, 1 / 7, 1e-5):
            shifted = (y * scale) - margin * scale
            assert one(test, x * scale, shifted) == pytest.approx(expected, abs=1e-12), scale


def test_two_of_five_differences_are_the_margin():
    new, old = np.array([0.72, 0.68, 0.78, 0.72, 0.68]), np.array([0.71, 0.69, 0.75, 0.72, 0.69])
    assert one("wilcoxon", new, old - 0.01) == 0.125
    assert one("wilcoxon", 100 * new, 100 * old - 1) == 0.125
