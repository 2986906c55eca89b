"""Intervals of shifts: those of the tests themselves, by enumeration and against other sources."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics.location import location_p
from latentlab.statistics.shifts import shift_of

# Hollander & Wolfe (1973); R's wilcox.test(conf.int = TRUE) on them.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
AT_TERM = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
EARLY = np.array([1.15, 0.88, 0.90, 0.74, 1.21])


def test_hodges_and_lehmanns_interval_is_made_of_walsh_averages():
    walsh = sorted(
        (a + b) / 2
        for a, b in itertools.combinations_with_replacement((BEFORE - AFTER).tolist(), 2)
    )
    shift, (low, high) = shift_of("wilcoxon", BEFORE, AFTER, np.ones(9), 0.95)
    # Hollander & Wolfe's table A.4: of 45 averages, the 6th from either end for n = 9.
    assert (shift, low, high) == pytest.approx((walsh[22], walsh[5], walsh[39]))


def test_mann_whitneys_interval_is_made_of_differences():
    pairs = sorted((AT_TERM[:, None] - EARLY).ravel())
    shift, (low, high) = shift_of("mann_whitney", AT_TERM, EARLY, np.ones(5), 0.95)
    # The critical value of U for 10 and 5 at .05, two sides, is 8.
    assert (shift, low, high) == pytest.approx((np.median(pairs), pairs[8], pairs[-9]))


def test_a_mean_of_flipped_signs_lies_between_the_means_of_subsets():
    d = np.array([0.3, 1.1, -0.4, 2.0, 0.9, 1.7])
    means = sorted(
        np.mean(chosen) for k in range(1, 7) for chosen in itertools.combinations(d.tolist(), k)
    )
    shift, (low, high) = shift_of("sign_flip", d, np.zeros(6), np.ones(6), 0.9)
    # 64 patterns, three of them at most .05: the data themselves and two means.
    assert (shift, low, high) == pytest.approx((d.mean(), means[2], means[-3]))


@pytest.mark.parametrize("test", ["paired_t", "sign_flip", "wilcoxon"])
def test_too_few_pairs_exclude_nothing(test):
    low, high = shift_of(test, np.arange(4.0), np.zeros(4), np.ones(4), 0.9)[1]
    assert math.isinf(low) == math.isinf(high) == (test != "paired_t")


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(
    "test", ["paired_t", "sign_flip", "wilcoxon", "welch_t", "mann_whitney", "permutation"]
)
def test_the_ends_are_where_the_test_turns(test, relative):
    rng = np.random.default_rng(0)
    for n in (5, 8, 18):
        x, y = rng.gamma(3, size=(2, n)) + 0.5
        units = y / 100 if relative else np.ones(n)
        shift, (low, high) = shift_of(test, x, y, units, 0.9)
        assert low < shift < high
        step = 1e-7 * (high - low)
        for end, inwards, alternative in ((low, step, "greater"), (high, -step, "less")):
            at = np.array([end - inwards, end + inwards])[:, None]
            p = location_p(test, np.tile(x, (2, 1)), y + at * units, alternative)
            assert p[0] <= 0.05 < p[1], (test, n)


def test_the_t_interval_is_scipys():
    interval = scipy.stats.ttest_rel(BEFORE, AFTER).confidence_interval(0.9)
    assert shift_of("paired_t", BEFORE, AFTER, np.ones(9), 0.9)[1] == pytest.approx(tuple(interval))


def test_a_share_of_a_mean_that_may_be_zero_has_no_interval():
    control = np.array([0.0, 0.0, 0.1, 0.0, 9.0])
    ends = shift_of("paired_t", control + 1, control, control / 100, 0.9)[1]
    assert np.isnan(ends).all()
