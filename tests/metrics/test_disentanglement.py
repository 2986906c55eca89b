"""Disentanglement scores: of the factors themselves, of noise, of mixtures, and by enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from latentlab.metrics.disentanglement import (
    beta_vae_score,
    dci,
    factor_vae_score,
    mutual_information_gap,
    separated_predictability,
)

SIZES = (3, 4, 8)
FACTORS = np.array(list(itertools.product(*map(range, SIZES))) * 10)
"""Every combination ten times: the factors are exactly independent."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def themselves(rng: np.random.Generator) -> np.ndarray:
    """Units that are factors, in another order and scale; one is off and one is noise."""
    units = FACTORS[:, [2, 0, 1]] * [-1.0, 5, 0.5]
    others = rng.normal(size=(len(FACTORS), 1)), np.full((len(FACTORS), 1), 0.3)
    return np.concatenate([units, *others], 1)


@pytest.fixture
def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(len(FACTORS), 5))


def test_the_factors_themselves_score_one(themselves: np.ndarray, rng: np.random.Generator) -> None:
    assert mutual_information_gap(themselves, FACTORS) == pytest.approx(1, abs=0.1)
    assert mutual_information_gap(np.delete(themselves, 3, 1), FACTORS) == pytest.approx(1)
    assert separated_predictability(themselves, FACTORS) == pytest.approx(1, abs=0.01)
    assert dci(themselves, FACTORS, rng) == pytest.approx((1, 1, 1))
    assert factor_vae_score(themselves, FACTORS, rng) == 1
    assert beta_vae_score(themselves, FACTORS, rng) == 1


def test_noise_scores_nothing_or_chance(noise: np.ndarray, rng: np.random.Generator) -> None:
    assert mutual_information_gap(noise, FACTORS) < 0.02
    assert separated_predictability(noise, FACTORS) < 0.02
    found = dci(noise, FACTORS, rng)
    assert max(found.disentanglement, found.completeness) < 0.05
    chance = np.mean([1 / size for size in SIZES])
    assert found.informativeness == pytest.approx(chance, abs=0.05)
    assert factor_vae_score(noise, FACTORS, rng) == pytest.approx(1 / 3, abs=0.06)
    assert beta_vae_score(noise, FACTORS, rng) == pytest.approx(1 / 3, abs=0.06)


def test_units_that_tell_nothing_score_nothing(rng: np.random.Generator) -> None:
    # The units of a collapsed model are constant, as far as a forest sees.
    for codes in (np.full((len(FACTORS), 5), 0.3), 1e-9 * rng.normal(size=(len(FACTORS), 5))):
        found = dci(codes, FACTORS, rng)
        assert (found.disentanglement, found.completeness) == (0, 0)
        assert 0 < found.informativeness < 0.5


def test_a_mixture_keeps_information_and_loses_the_rest(rng: np.random.Generator) -> None:
    # A reflection: each unit has 4/9, 4/9 and 1/9 of the factors' variances.
    mixed = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0) @ (np.eye(3) - 2 / 3)
    assert separated_predictability(mixed, FACTORS) == pytest.approx(0, abs=1e-9)
    assert mutual_information_gap(mixed, FACTORS) < 0.2
    found = dci(mixed, FACTORS, rng)
    assert max(found.disentanglement, found.completeness) < 0.4
    assert found.informativeness > 0.75


def test_the_gap_equals_enumeration(rng: np.random.Generator) -> None:
    factor = rng.integers(0, 3, (200, 1))
    codes = np.concatenate([factor + 0.4 * rng.random((200, 1)), rng.random((200, 2))], 1)

    def shared(unit: np.ndarray) -> float:
        edges = np.linspace(unit.min(), unit.max(), 21)
        joint = np.histogram2d(unit, factor[:, 0], [edges, [0, 1, 2, 3]])[0] / 200
        product = joint.sum(1)[:, None] * joint.sum(0)
        held = joint > 0
        return float((joint[held] * np.log(joint[held] / product[held])).sum())

    shares = np.bincount(factor[:, 0]) / 200
    first, second = sorted(map(shared, codes.T))[:0:-1]
    expected = (first - second) / -(shares * np.log(shares)).sum()
    assert mutual_information_gap(codes, factor) == pytest.approx(expected)


def test_predictability_equals_correlations_and_the_best_thresholds(
    rng: np.random.Generator,
) -> None:
    factor = rng.integers(0, 3, 60)
    codes = factor[:, None] + rng.normal(size=(60, 2)) * [0.4, 1.5]
    squares = sorted(np.corrcoef(codes.T, factor)[2, :2] ** 2)
    assert separated_predictability(codes, factor[:, None]) == pytest.approx(
        squares[1] - squares[0]
    )

    # One value or the other: the threshold that parts them best, by trying each.
    halves = factor > 0
    weight = np.where(halves, 1 / halves.sum(), 1 / (~halves).sum())

    def impurity(above: np.ndarray) -> float:
        sides = [(weight[side & halves].sum(), weight[side].sum()) for side in (above, ~above)]
        return sum(held * (whole - held) / whole for held, whole in sides)

    best = [min((unit > at for at in np.sort(unit)[:-1]), key=impurity) for unit in codes.T]
    scores = sorted(balanced_accuracy_score(halves, above) for above in best)
    found = separated_predictability(codes, halves[:, None].astype(int), {0})
    assert found == pytest.approx(scores[1] - scores[0])
    # Values without an order: thresholds tell them apart, a line does not.
    shuffled = np.stack([np.array([5.0, 1, 9])[factor], np.zeros(60)], 1)
    assert separated_predictability(shuffled, factor[:, None], {0}) == pytest.approx(1 - 1 / 3)


def test_shared_units_cost_disentanglement_and_split_factors_completeness(
    rng: np.random.Generator,
) -> None:
    # One unit that holds two factors.
    joint = np.stack([FACTORS[:, 0] * 4.0 + FACTORS[:, 1], FACTORS[:, 2]], 1)
    found = dci(joint, FACTORS, rng)
    # The unit's shares are a half each: 1 - log 2 / log 3; it counts for two of three factors.
    assert found.disentanglement == pytest.approx((2 * (1 - math.log(2) / math.log(3)) + 1) / 3)
    assert (found.completeness, found.informativeness) == (1, 1)
    # Two units that hold a factor between them: its parity and its half.
    split = np.stack([FACTORS[:, 0], FACTORS[:, 1] % 2, FACTORS[:, 1] // 2, FACTORS[:, 2]], 1)
    found = dci(split * 1.0, FACTORS, rng)
    assert (found.disentanglement, found.informativeness) == (1, 1)
    assert found.completeness == pytest.approx((1 + 0.5 + 1) / 3, abs=0.02)


def test_units_that_are_off_have_no_vote(themselves: np.ndarray, rng: np.random.Generator) -> None:
    assert factor_vae_score(themselves * 1e-3, FACTORS, rng) == 0
    # A unit that is nearly off would vary least with every factor, as it stands.
    nearly = np.concatenate([themselves, 1e-4 * rng.normal(size=(len(FACTORS), 1))], 1)
    assert factor_vae_score(nearly, FACTORS, rng) == 1
