"""How far two arms lie apart by the measure of a test, and the interval of what it does not reject.

The shift is counted in units that each score of the second arm contributes: 1, or a per cent of
itself, where it is a ratio. Of rank tests it is that of Hodges and Lehmann (1963): the median of
the shifts at which a pair of scores, or of differences, changes sides.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable

import numpy as np

from latentlab.core.arrays import Array
from latentlab.statistics.attainable import LocationTest
from latentlab.statistics.intervals import (
    Interval,
    mean_interval,
    ratio_interval,
    welch_interval,
)
from latentlab.statistics.location import gain_rounding, joined, location_p
from latentlab.statistics.rearranging import Alternative, flips, regroupings


def shift_of(
    test: LocationTest, x: Array, y: Array, units: Array, level: float
) -> tuple[float, Interval]:
    """Return the shift of x over y, and the shifts that the test does not reject.

    Args:
        test: the test; its `location_p` of x against y + shift * units agrees with the interval.
        x: scores, shape [n], n >= 2.
        y: scores, shape [m]; for paired tests the same seeds'.
        units: what each y contributes to a shift of 1, none negative, shape [m].
        level: coverage; each side of the test has half of the rest.

    Returns:
        The shift and its ends: NaN of a t test's ratio where the units' mean may be 0, infinite
        where no data of this size could reject.

    Example:
        >>> x, y = np.array([1.0, 2.0, 3.0, 5.0, 8.0]), np.zeros(5)
        >>> shift_of("wilcoxon", x, y, np.ones(5), 0.9)
        (3.5, (1.0, 8.0))
    """
    one_sided = (1 - level) / 2
    if test in ("wilcoxon", "mann_whitney"):
        return _by_ranks(test, x, y, units, one_sided)
    shift = float((np.mean(x) - np.mean(y)) / np.mean(units))
    if test in ("sign_flip", "permutation"):
        rounding = float(gain_rounding(test, x, y))
        if test == "sign_flip":
            return shift, flips(len(x)).interval(x - y, units, rounding, one_sided)
        taken = joined(np.zeros(len(x)), units)
        every = regroupings(len(x), len(y))
        return shift, every.interval(joined(x, -y), taken, rounding, one_sided)

    def at(ratio: float) -> Interval:
        if test == "paired_t":
            return mean_interval(x - y - ratio * units, level)
        return welch_interval(x, y + ratio * units, level)

    if np.all(units == 1):
        return shift, at(0.0)
    if mean_interval(units, level)[0] <= 0:
        return shift, (math.nan, math.nan)
    return shift, ratio_interval(at, shift)


def _by_ranks(
    test: LocationTest, x: Array, y: Array, units: Array, one_sided: float
) -> tuple[float, Interval]:
    if test == "wilcoxon":
        i, j = np.triu_indices(len(x))
        gains, taken = (x - y)[i] + (x - y)[j], units[i] + units[j]
    else:
        gains = np.subtract.outer(x, y).ravel()
        taken = np.broadcast_to(units, (len(x), len(y))).ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        turns = gains / taken
    shift = float(np.nanmedian(turns))
    turns = np.unique(turns[np.isfinite(turns)])
    if not turns.size:
        return shift, (-math.inf, math.inf)

    def rejects(alternative: Alternative) -> Callable[[float], bool]:
        def at(shift: float) -> bool:
            p = location_p(test, x[None], (y + shift * units)[None], alternative)
            return bool(p[0] <= one_sided * (1 + 1e-9))

        return at

    return shift, (
        _end(turns, rejects("greater")),
        -_end(-turns[::-1], lambda shift: rejects("less")(-shift)),
    )


def _end(turns: Array, rejected: Callable[[float], bool]) -> float:
    """Return the turn up to which all shifts are rejected; a rank test changes only there."""
    between = np.concatenate([[turns[0] - 1], (turns[1:] + turns[:-1]) / 2, [turns[-1] + 1]])
    kept = bisect.bisect_left(between, x=True, key=lambda shift: not rejected(shift))
    return -math.inf if kept == 0 else float(turns[kept - 1])
