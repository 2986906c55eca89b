"""Skewed differences: how often they are seen, and a t test that does not lean on them."""

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics.location import location_p
from latentlab.statistics.skewness import FEWEST, skewed_t_p, skewness_of

STUDIES = 20_000


def lognormal(sigma, n, studies=STUDIES, seed=0):
    """Differences of mean 0 with a long tail above: sigma .5 has skewness 1.75, sigma 1 has 6.2."""
    noise = np.random.default_rng([seed, n]).normal(size=(studies, n))
    return np.exp(sigma * noise) - np.exp(sigma**2 / 2)


@pytest.mark.parametrize("sigma", [0.5, 1.0])
@pytest.mark.parametrize("n", [FEWEST, 10, 20])
def test_skewed_differences_are_found_lower_in_at_most_six_of_a_hundred(n, sigma):
    d = lognormal(sigma, n)
    zero = np.zeros_like(d)
    assert (location_p("paired_t", d, zero, "less") <= 0.05).mean() > 0.09
    assert (location_p("skewed_t", d, zero, "less") <= 0.05).mean() <= 0.06
    assert (location_p("skewed_t", zero, d, "greater") <= 0.05).mean() <= 0.06


@pytest.mark.parametrize(("n", "least"), [(10, 0.5), (20, 0.7)])
def test_normal_differences_lose_little_of_their_power(n, least):
    rng = np.random.default_rng(n)
    effect = {10: 0.853, 20: 0.579}[n]  # what the t test finds with 80 %
    d = rng.normal(size=(STUDIES, n))
    assert (skewed_t_p(d, "less") <= 0.05).mean() <= 0.05
    assert (skewed_t_p(d + effect, "greater") <= 0.05).mean() >= least


def test_no_p_is_smaller_than_the_t_tests_and_p_falls_with_the_effect():
    d = np.random.default_rng(0).gamma(1, size=(500, 9))
    for alternative in ("greater", "less"):
        t = scipy.stats.ttest_1samp(d, 1, axis=-1, alternative=alternative).pvalue
        assert np.all(skewed_t_p(d - 1, alternative) >= t - 1e-12)
    p = np.array([skewed_t_p(d - at, "less") for at in np.linspace(0, 4, 30)])
    assert np.all(np.diff(p, axis=0) <= 1e-12)


def test_halls_transformation_with_the_sample_skewness_in_full():
    """Against his formula, n^1/2 (W + g W^2 / 3 + g^2 W^3 / 27 + g / 6n), written out."""
    d = np.array([0.1, 0.4, 0.2, 3.0, 0.6, 0.3, 0.9, 0.2]) - 1.5
    n, w = len(d), d.mean() / d.std(ddof=1)
    g = 1.5 * scipy.stats.skew(d, bias=False) + 7.5 / n
    hall = n**0.5 * (w + g * w**2 / 3 + g**2 * w**3 / 27 + g / (6 * n))
    assert skewed_t_p(d[None], "less")[0] == pytest.approx(scipy.stats.t.cdf(hall, n - 1))


@pytest.mark.parametrize(
    ("noise", "n", "low", "high"),
    [
        ("normal", 10, 0.03, 0.07),
        ("rounded", 10, 0.03, 0.08),
        (0.5, 20, 0.45, 0.6),
        (1.0, 10, 0.45, 0.6),
        (1.0, 20, 0.8, 0.95),
    ],
)
def test_the_warning_is_rare_for_normal_and_common_for_lognormal_differences(noise, n, low, high):
    d = np.random.default_rng(1).normal(size=(500, n))
    if noise == "rounded":
        d = np.round(d)
    elif noise != "normal":
        d = lognormal(noise, n, 500)
    warned = np.mean([skewness_of(one)[1] <= 0.05 for one in d])
    assert low <= warned <= high


def test_of_few_differences_nothing_is_said():
    assert np.isnan(skewness_of(np.arange(7.0) ** 2)).all()
