"""Tests of means by rearrangement, flips of signs or regroupings of two arms, and their intervals.

An arrangement moves some scores and with them the mean, by a gain: the sum of the differences whose
sign it flips, or what leaves an arm less what comes. It is as extreme as the data where its gain is
not positive. Gains fall as the shift that is tested rises, so that p never turns back, and the
shifts at which they reach 0 are all that an interval needs.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from latentlab.core.arrays import Array
from latentlab.statistics.attainable import MAX_ENUMERATED, RESAMPLES

Alternative = Literal["greater", "less"]

# Gains that one batch may hold (8 bytes each).
_BATCH_ELEMENTS = 4_000_000


@dataclass(frozen=True)
class Rearrangements:
    """Arrangements that are equally likely where there is no effect.

    Attributes:
        moves: the scores that each arrangement moves, 0 or 1, shape [arrangements, scores].
        drawn: whether they are draws; the data then count as one more. Otherwise they are all.
    """

    moves: Array
    drawn: bool

    def p(self, gains: Array, rounding: Array, alternative: Alternative) -> Array:
        """Return the share of arrangements at least as extreme as the data.

        Args:
            gains: what each score's move gains, shape [studies, scores].
            rounding: gains no larger than this are 0, shape [studies].
            alternative: the direction of the claim to be shown.

        Returns:
            One-sided p-values, shape [studies].

        Example:
            >>> flips(3).p(np.array([[2.0, 3.0, 3.0]]), np.zeros(1), "greater").tolist()
            [0.125]
        """
        signed = gains if alternative == "greater" else -gains
        rows = max(1, _BATCH_ELEMENTS // len(self.moves))
        extreme = np.empty(len(gains))
        for start in range(0, len(gains), rows):
            batch = slice(start, start + rows)
            of = signed[batch] @ self.moves.T
            extreme[batch] = np.sum(of <= rounding[batch, None], axis=-1)
        return (extreme + self.drawn) / (len(self.moves) + self.drawn)

    def interval(
        self, gains: Array, units: Array, rounding: float, level: float
    ) -> tuple[float, float]:
        """Return the shifts that the test does not reject in either direction.

        Args:
            gains: what each score's move gains without a shift, shape [scores].
            units: what a shift of 1 takes from that, none negative, same shape.
            rounding: gains no larger than this are 0.
            level: one-sided level.

        Returns:
            Low and high end; infinite where no p-value is as small as the level.

        Example:
            >>> flips(3).interval(np.array([1.0, 2.0, 3.0]), np.ones(3), 0.0, 0.25)
            (1.5, 2.5)
        """
        # The slack admits a level that is a whole number of arrangements up to rounding.
        rare = math.floor(level * (len(self.moves) + self.drawn) * (1 + 1e-9)) - self.drawn
        if rare < 0:
            return -math.inf, math.inf
        gained, taken = self.moves @ gains, self.moves @ units
        ends = []
        for sign in (1.0, -1.0):
            # An arrangement that no shift touches is always as extreme as the data, or never.
            fixed = np.where(sign * gained <= rounding, -math.inf, math.inf)
            reached = np.divide(sign * gained, taken, out=fixed, where=taken > 0)
            ends.append(sign * float(np.partition(reached, rare)[rare]))
        return ends[0], ends[1]


@lru_cache(maxsize=8)
def flips(n: int) -> Rearrangements:
    """Return the flips of n signs: all where they are few, else draws from a fixed stream."""
    if 2**n <= MAX_ENUMERATED:
        every = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return Rearrangements(every.astype(np.float64), drawn=False)
    some = np.random.default_rng(0).integers(0, 2, (RESAMPLES, n))
    return Rearrangements(some.astype(np.float64), drawn=True)


@lru_cache(maxsize=8)
def regroupings(n: int, m: int) -> Rearrangements:
    """Return the scores that change arms in each regrouping, first arm first; all or draws."""
    drawn = math.comb(n + m, n) > MAX_ENUMERATED
    if drawn:
        shuffled = np.random.default_rng(0).random((RESAMPLES, n + m)).argsort(axis=-1)
        first = shuffled[:, :n]
    else:
        first = np.array(list(itertools.combinations(range(n + m), n)))
    grouped = np.zeros((len(first), n + m))
    np.put_along_axis(grouped, first, 1.0, axis=-1)
    # Those of the first arm move that are no longer in it, and those of the second that now are.
    grouped[:, :n] = 1 - grouped[:, :n]
    return Rearrangements(grouped, drawn)
