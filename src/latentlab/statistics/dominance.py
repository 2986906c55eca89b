"""How probable it is that one arm's score beats another's: tests, intervals and seeds needed.

The probability of superiority A = P(X > Y) + P(X = Y) / 2 says how often a training of one arm
beats a training of the other, whatever the scale of the scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from latentlab.core.arrays import Array
from latentlab.statistics.intervals import Interval
from latentlab.statistics.location import ROUNDING, scale_of, without_rounding
from latentlab.statistics.power import MAX_SEEDS, TARGET
from latentlab.statistics.rearranging import Alternative

PAt = Callable[[float, Alternative], Array]
"""Probability -> one-sided p-value that A lies above ("greater") or below ("less") it."""


@dataclass(frozen=True)
class Dominance:
    """How often one arm beats the other.

    Attributes:
        probability: estimate of A, shape [...].
        p: its tests.
    """

    probability: Array
    p: PAt


def of_pairs(x: Array, y: Array, *, mid_p: bool = False) -> Dominance:
    """Compare pairs by who wins: the sign test, at any probability.

    A tie speaks for neither side: it counts as lost where winning is to be shown, and as won where
    losing is. With that the test keeps its level whatever the ties, since A at most some
    probability means that x wins at most as often.

    Args:
        x: shape [..., n].
        y: the same seeds', same shape.
        mid_p: whether the observed count has half its weight (Lancaster 1961): sharper, and at
            its level on average instead of at most.

    Example:
        >>> won = of_pairs(np.array([3.0, 5.0, 4.0, 2.0]), np.array([1.0, 2.0, 3.0, 2.0]))
        >>> float(won.probability), float(won.p(0.5, "greater"))
        (0.875, 0.3125)
    """
    n = x.shape[-1]
    differences = without_rounding(x - y, ROUNDING * scale_of(x, y))
    wins, losses = np.sum(differences > 0, axis=-1), np.sum(differences < 0, axis=-1)

    def p(probability: float, alternative: Alternative) -> Array:
        count, chance = wins, probability
        if alternative == "less":
            count, chance = losses, 1 - probability
        law = scipy.stats.binom(n, chance)
        return np.asarray(law.sf(count - 1) - 0.5 * mid_p * law.pmf(count))

    return Dominance((n + wins - losses) / (2 * n), p)


def of_samples(x: Array, y: Array) -> Dominance:
    """Compare arms of seeds of their own by Brunner and Munzel's test (2000), at any probability.

    Unlike Mann and Whitney's it allows the arms to spread differently. Degrees of freedom are those
    of the smaller arm: with Satterthwaite's, as published, a family of four errs in .066 for .05.
    No p is below what n pairs could give that all are won, which is a bound of p where the arms do
    not overlap, and the test has no error to go by.

    Args:
        x: shape [..., n], n >= 2.
        y: shape [..., m], m >= 2.

    Example:
        >>> x, y = np.array([1.0, 2.0, 5.0, 7.0]), np.array([3.0, 4.0, 6.0, 8.0])
        >>> round(float(of_samples(x, y).probability), 4)
        0.3125
    """
    n, m = x.shape[-1], y.shape[-1]
    pooled = without_rounding(np.concatenate([x, y], axis=-1), ROUNDING * scale_of(x, y))
    ranks = scipy.stats.rankdata(pooled, axis=-1)
    # Share of the other arm that each score beats.
    beaten = [
        (ranks[..., :n] - scipy.stats.rankdata(pooled[..., :n], axis=-1)) / m,
        (ranks[..., n:] - scipy.stats.rankdata(pooled[..., n:], axis=-1)) / n,
    ]
    probability = beaten[0].mean(axis=-1)
    square = sum(np.var(own, axis=-1, ddof=1) / own.shape[-1] for own in beaten)
    known = square > ROUNDING**2
    error = np.sqrt(np.where(known, square, 1.0))
    smaller = min(n, m)

    def p(at: float, alternative: Alternative) -> Array:
        distance = probability - at if alternative == "greater" else at - probability
        fewest = (at if alternative == "greater" else 1 - at) ** smaller
        found = np.where(known, scipy.stats.t.sf(distance / error, smaller - 1), distance <= 0)
        return np.asarray(np.maximum(found, fewest))

    return Dominance(probability, p)


def probability_interval(p: PAt, level: float) -> Interval:
    """Return the probabilities that neither one-sided test of one study rejects.

    Args:
        p: its tests; each rises or falls with the probability.
        level: coverage in (0, 1).

    Example:
        >>> won = of_pairs(np.arange(1.0, 11.0), np.zeros(10))
        >>> low, high = probability_interval(won.p, 0.9)
        >>> round(low, 3), high
        (0.741, 1.0)
    """
    tail = (1 - level) / 2

    def end(alternative: Alternative, sure: float, other: float) -> float:
        def surplus(at: float) -> float:
            return float(p(at, alternative)) - tail

        if surplus(sure) >= 0 or surplus(other) <= 0:
            return sure
        return float(scipy.optimize.brentq(surplus, sure, other, xtol=1e-12))

    return end("greater", 0.0, 1.0), end("less", 1.0, 0.0)


def sign_power(
    n: npt.NDArray[np.int64], threshold: float, probability: float, level: float
) -> Array:
    """Return the chance that the sign test shows A above a threshold; it does not rise steadily.

    Args:
        n: pairs, any shape.
        threshold: in (0, 1).
        probability: the true A, without ties.
        level: one-sided level.

    Example:
        >>> sign_power(np.array([5, 6]), 0.5, 0.9, 0.05).round(3).tolist()
        [0.59, 0.531]
    """
    most = scipy.stats.binom.isf(level, n, threshold)
    return np.asarray(scipy.stats.binom.sf(most, n, probability))


def seeds_for_pairs(
    threshold: float, probability: float, level: float, target: float = TARGET
) -> int | None:
    """Return the fewest pairs that show a true A above a threshold, or None beyond `MAX_SEEDS`.

    Example:
        >>> seeds_for_pairs(0.5, 0.75, 0.05)
        23
    """
    if probability <= threshold:
        return None
    n = np.arange(2, MAX_SEEDS + 1)
    enough = sign_power(n, threshold, probability, level) >= target
    return int(n[enough.argmax()]) if enough.any() else None


def seeds_for_samples(distance: float, level: float, target: float = TARGET) -> int | None:
    """Return the fewest seeds per arm that show A so far from a half, by Noether (1987).

    Example:
        >>> seeds_for_samples(0.25, 0.05, target=0.95)
        29
    """
    if distance == 0:
        return None
    needed = (_noether(level, target) / distance) ** 2
    return math.ceil(needed) if needed <= MAX_SEEDS else None


def detectable_by_pairs(n: int, threshold: float, level: float, target: float = TARGET) -> float:
    """Return the smallest A that pairs show above a threshold with the target power.

    Returns:
        A probability; NaN where the test is significant for no outcome.

    Example:
        >>> round(detectable_by_pairs(10, 0.5, 0.05), 2)
        0.92
    """

    def surplus(probability: float) -> float:
        return float(sign_power(np.array(n), threshold, probability, level)) - target

    if surplus(1.0) < 0:
        return math.nan
    return float(scipy.optimize.brentq(surplus, threshold, 1.0))


def detectable_by_samples(n: int, level: float, target: float = TARGET) -> float:
    """Return how far from a half A must be to be found with the target power, by Noether.

    Example:
        >>> round(detectable_by_samples(29, 0.05, target=0.95), 2)
        0.25
    """
    return _noether(level, target) / math.sqrt(n)


def seeds_for_all_won(probability: float, level: float) -> int:
    """Return the fewest seeds at which winning all of them is significant.

    Example:
        >>> seeds_for_all_won(0.5, 0.025)
        6
    """
    return math.ceil(math.log(level) / math.log(probability) - 1e-9)


def _noether(level: float, target: float) -> float:
    deviates = float(scipy.stats.norm.isf(level) + scipy.stats.norm.ppf(target))
    return deviates / math.sqrt(6)
