"""Replicates that nobody called so: their noise, and when equal values show a copy."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.formula.api as smf

from latentlab.runs.audit.near_replicates import (
    agreement,
    equal_settings,
    noise_floor,
    step_of,
)

REPORT = pd.DataFrame(
    {
        "steps": [50, 50, 50, 50, 50, 50, 50, 50, 50, 50],
        "warmup": [5, 5, 10, 5, 5, 10, 10, 5, 5, 2],
        "clusters": [10, 10, 10, 10, 10, 10, 10, 20, 20, 10],
        "conj": [0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
        "note": ["baseline", "none", "long", "min", "no", "low", "high", "20", "prior", "short"],
    }
)
"""Runs 1 to 3, 7 to 10, 12, 14 and 4 of a published report of 37: settings in thousands."""
NMI = np.array([0.60, 0.63, 0.59, 0.62, 0.59, 0.59, 0.59, 0.67, 0.67, 0.61])


def test_the_noise_of_a_published_report():
    groups = equal_settings(REPORT, ignoring=["note"])
    assert groups.tolist() == [0, 1, 2, 0, 0, 2, 2, 3, 3, 4]
    floor = noise_floor(NMI, groups)
    assert (round(floor.sd, 4), floor.freedom) == (0.0097, 5)
    assert equal_settings(REPORT).tolist() == list(range(10))


def test_the_noise_is_the_residual_of_a_one_way_layout():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 8, 40)
    values = groups + rng.normal(size=40)
    fit = smf.ols("y ~ C(g)", pd.DataFrame({"y": values, "g": groups})).fit()
    floor = noise_floor(np.r_[values, math.nan], np.r_[groups, 0])
    assert floor.sd**2 == pytest.approx(fit.mse_resid)
    assert noise_floor(values[:1], groups[:1]).freedom == 0


def test_rounded_values_that_agree_are_no_copies():
    found = agreement(NMI[:, None], equal_settings(REPORT, ignoring=["note"]))
    assert found.equal.sum() == 3
    assert not found.copies.any()
    assert found.pairs == 7
    assert found.expected > 1


@pytest.mark.parametrize(
    ("values", "step"),
    [
        (np.array([3, 9, 5.0]), 2),
        (np.array([0.2625, 0.3625, 0.35, 0.3125]), 0.0125),
        (np.array([0, 5, 7, 360]) / 360, 1 / 360),
        (np.full(4, 2.5), 0),
    ],
)
def test_steps_of_shares_and_decimals(values, step):
    assert step_of(values) == pytest.approx(step)


def test_rounded_values_agree_as_often_as_is_said():
    values = np.random.default_rng(0).normal(size=60_000).round(1)
    found = agreement(values[:, None], np.repeat(np.arange(30_000), 2))
    assert found.expected == pytest.approx(np.sum(values[::2] == values[1::2]), rel=0.1)


def test_means_are_told_apart_as_by_a_t_test():
    """At the least difference a t test of two groups of 4 and 6 runs has p = .05."""
    noise = noise_floor(np.array([1, 2, 4, 5, 0, 0, 1, 3, 4, 4.0]), np.repeat([0, 1], [4, 6]))
    apart = noise.least_difference(4, 6)
    sides = (apart, noise.sd, 4), (0, noise.sd, 6)
    found = scipy.stats.ttest_ind_from_stats(*sides[0], *sides[1])
    assert found.pvalue == pytest.approx(0.05)
    assert math.isnan(noise_floor(np.ones(1), np.zeros(1, int)).least_difference())


def test_one_metric_that_could_tell_makes_a_copy():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(10), 2)
    loss = groups + 0.01 * rng.normal(size=20)
    accuracy = np.round(groups / 10 + 0.01 * rng.normal(size=20), 2)
    loss[1], accuracy[1] = loss[0], accuracy[0]
    both = agreement(np.stack([accuracy, loss], axis=1), groups)
    assert np.flatnonzero(both.copies).tolist() == [1]
    assert not agreement(accuracy[:, None], groups).copies.any()


def test_copies_of_everything_are_found_where_nothing_shows_the_noise():
    values = np.repeat(np.random.default_rng(2).normal(size=10), 2)
    groups = np.repeat(np.arange(10), 2)
    assert agreement(values[:, None], groups).copies.sum() == 10
    assert not agreement(np.round(values, 1)[:, None], groups).copies.any()


@pytest.mark.parametrize("noise", ["normal", "heavy"])
@pytest.mark.parametrize("decimals", [2, 6])
def test_true_replicates_are_seldom_called_copies(noise, decimals):
    """Heavy tails, and noise from .0003 to .03 beside a spread of .1."""
    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng([seed, decimals])
        drawn = rng.standard_t(2, size=60) if noise == "heavy" else rng.normal(size=60)
        groups = np.repeat(np.arange(20), 3)
        values = 0.1 * rng.normal(size=20)[groups] + 10 ** rng.uniform(-3.5, -1.5) * drawn
        wrong += agreement(np.round(values, decimals)[:, None], groups).copies.any()
    assert wrong <= 2
