"""Runs that agree in all that is said of them: replicates, though nobody called them so.

Their spread is the noise floor that a lead has to exceed. Values that were rounded agree now and
then among true replicates; only values that could have told two runs apart show a copy.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Codes, Mask
from latentlab.statistics.intervals import t_quantile

_ROUNDING = 1e-9
"""Of the largest value: smaller differences are of arithmetic."""
_ACCIDENTS = 0.01
"""Agreements by chance that are expected at most where agreement counts as proof of a copy."""
_COVERAGE = 0.95
_LEAST_NOISE = 0.01
"""Of the spread of all values: what noise is taken for where no two replicates differ."""
_MEDIAN_DIFFERENCE = 0.9539
"""Median distance of two normal values in standard deviations: .6745 sqrt(2)."""


class NoiseFloor(NamedTuple):
    """What runs that agree in all settings differ by.

    Attributes:
        sd: standard deviation of a single run, pooled within groups; NaN where none has two.
        freedom: its degrees of freedom.
    """

    sd: float
    freedom: int

    def least_difference(self, runs: float = 1, others: float = 1) -> float:
        """From where on means of so many runs are told apart: a t test at .05, two-sided.

        NaN where the noise is unknown.
        """
        if not self.freedom:
            return math.nan
        return t_quantile(_COVERAGE, self.freedom) * self.sd * math.sqrt(1 / runs + 1 / others)


@dataclass(frozen=True)
class Agreement:
    """Runs of equal settings whose values agree.

    Attributes:
        copies: runs that repeat an earlier one where that cannot be chance, [runs].
        equal: runs that repeat an earlier one, whether or not it can be chance, [runs].
        pairs: pairs of runs of equal settings.
        expected: at most so many of them agree by chance.
    """

    copies: Mask
    equal: Mask
    pairs: int
    expected: float


def equal_settings(settings: pd.DataFrame, ignoring: Collection[str] = ()) -> Codes:
    """Return the group of each run, in the order in which groups first come.

    Args:
        settings: [runs, columns]; two missing cells agree.
        ignoring: columns of which nothing is claimed: notes, names, seeds.
    """
    codes = pd.DataFrame(
        {
            str(place): pd.factorize(settings[name])[0]
            for place, name in enumerate(settings)
            if name not in ignoring
        },
        index=settings.index,
    )
    if codes.empty:
        return np.zeros(len(settings), dtype=np.intp)
    return np.asarray(codes.groupby(list(codes.columns), sort=False).ngroup().to_numpy())


def noise_floor(values: Array, groups: Codes) -> NoiseFloor:
    """Return the pooled standard deviation of runs of equal settings.

    Args:
        values: NaN where there is none, [runs].
        groups: as `equal_settings` gives them, [runs].
    """
    rows = pd.DataFrame({"group": groups, "value": values}).dropna()
    rows = rows[rows.duplicated("group", keep=False)]
    by = rows.groupby("group")["value"]
    freedom = len(rows) - by.ngroups
    if not freedom:
        return NoiseFloor(math.nan, 0)
    squares = float(((rows["value"] - by.transform("mean")) ** 2).sum())
    return NoiseFloor(math.sqrt(squares / freedom), freedom)


def agreement(values: Array, groups: Codes) -> Agreement:
    """Return which runs of equal settings agree in everything measured, and whether by chance.

    Two normal values of standard deviation s that are rounded to a step h agree with a chance of
    about h / (2 sqrt(pi) s), the density of their difference at 0 times h. All metrics agree no
    more often than the most telling one. Where fewer than .01 agreements are expected among all
    pairs, those that are there are copies.

    Args:
        values: all that was measured, NaN where there is none, [runs, metrics].
        groups: as `equal_settings` gives them, [runs].
    """
    frame = pd.DataFrame(values).assign(group=groups)
    equal = frame.duplicated().to_numpy()
    sizes = frame.groupby("group").size().to_numpy()
    pairs = int((sizes * (sizes - 1) // 2).sum())
    chance = min((_chance(column, groups) for column in values.T), default=1.0)
    expected = pairs * chance
    copies = equal if expected < _ACCIDENTS else np.zeros_like(equal)
    return Agreement(copies, equal, pairs, expected)


def step_of(values: Array) -> float:
    """Return the largest step of which all differences are multiples, by Euclid's algorithm.

    Returns:
        About a billionth of the largest value where values lie on no lattice; 0 where all agree.

    >>> round(step_of(np.array([0.60, 0.63, 0.59])), 6), round(step_of(np.arange(5) / 360), 6)
    (0.01, 0.002778)
    """
    distinct = np.unique(values[np.isfinite(values)])
    if len(distinct) < 2:
        return 0.0
    least = _ROUNDING * float(np.abs(distinct).max())
    step = 0.0
    for gap in np.unique(np.diff(distinct)).tolist():
        larger, smaller = gap, step
        while smaller > least:
            larger, smaller = smaller, abs(larger - smaller * round(larger / smaller))
        step = larger
        if step <= least:
            break
    return max(step, least)


def _chance(values: Array, groups: Codes) -> float:
    """Chance that two replicates agree in a metric, at most 1; 1 where all runs agree."""
    step = step_of(values)
    if step == 0:
        return 1.0
    rows = pd.DataFrame({"group": groups, "value": values}).dropna()
    rows = rows.sort_values(["group", "value"])
    apart = rows.groupby("group")["value"].diff().to_numpy()
    apart = apart[apart > 0]
    spread = _LEAST_NOISE * float(np.std(rows["value"]))
    noise = float(np.median(apart)) / _MEDIAN_DIFFERENCE if len(apart) else spread
    return min(1.0, step / (2 * math.sqrt(math.pi) * noise))
