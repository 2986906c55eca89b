"""Parameters that vary together in a sweep, and whether their effects can be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix
from latentlab.search.screening.levels import HIGH, ROUNDING

_STRONG = 0.7
"""Association from which on two parameters are said to vary together."""
_LEVEL = 0.001
"""Of the test that they do, over all pairs of a sweep."""
_FEWEST = 8
"""Rows with both parameters from which on a pair is looked at."""

PartialP = Callable[[str, str], float]
"""P-value of the first parameter given the second."""


@dataclass(frozen=True)
class CollinearPair:
    """Two parameters that vary together.

    Attributes:
        first: name of one.
        second: name of the other.
        measure: `rho` (Spearman's) between numbers, `eta` (root of the share of the variance of
            ranks between choices) between a number and a choice, Cramer's `V` between choices.
        value: of the measure.
        rows: that have both.
        inseparable: those of the two that matter, but show nothing certain given the other.
    """

    first: str
    second: str
    measure: str
    value: float
    rows: int
    inseparable: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The measure and its value for a sentence; one that is not 1 is not rounded to it."""
        edge = 0.999 if abs(self.value) < 1 else 1.0
        return f"{self.measure} {float(np.clip(self.value, -edge, edge)):.3g}"


def collinear_pairs(rows: SweepMatrix) -> list[CollinearPair]:
    """Return the pairs that vary together by more than chance, Bonferroni over all pairs.

    Args:
        rows: that count.
    """
    columns = list(rows.columns.values())
    most = _LEVEL / max(len(columns) * (len(columns) - 1) // 2, 1)
    return [pair for pair, p in _strong(columns) if p <= most]


def with_inseparable(
    pair: CollinearPair, corrected: Mapping[str, float], level: float, partial_p: PartialP
) -> CollinearPair:
    """Return a pair with those of its parameters that cannot be told from the other one.

    Args:
        pair: without them.
        corrected: p-values of the screening.
        level: up to which a parameter matters.
        partial_p: of one given the other.
    """
    both = (pair.first, pair.second), (pair.second, pair.first)
    told = tuple(
        name
        for name, other in both
        if corrected[name] <= level + ROUNDING and partial_p(name, other) > HIGH + ROUNDING
    )
    return replace(pair, inseparable=told)


def _strong(columns: list[Column]) -> Iterator[tuple[CollinearPair, float]]:
    """Yield pairs of a strong association with its p-value."""
    ranked = {c.name: c.positions for c in columns if c.has_direction or len(c.choices) == 2}
    rho = pd.DataFrame(ranked).corr("spearman", min_periods=_FEWEST).to_numpy(dtype=np.float64)
    strong = np.abs(np.nan_to_num(rho)) >= _STRONG
    place = {name: index for index, name in enumerate(ranked)}
    for first, second in itertools.combinations(columns, 2):
        numbers = [first.name in ranked, second.name in ranked]
        if all(numbers) and not strong[place[first.name], place[second.name]]:
            continue
        both = first.exists & second.exists
        x, y = first.positions[both], second.positions[both]
        if len(x) < _FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        if all(numbers):
            measure, (value, p) = "rho", _between_numbers(x, y)
        elif any(numbers):
            measure, (value, p) = "eta", _between_choices(*((x, y) if numbers[0] else (y, x)))
        else:
            measure, (value, p) = "V", _between(x, y)
        if abs(value) >= _STRONG:
            yield CollinearPair(first.name, second.name, measure, value, len(x)), p


def _between_numbers(first: Array, second: Array) -> tuple[float, float]:
    """Spearman's rho and its p by Student's t."""
    found = scipy.stats.spearmanr(first, second)
    return float(found.statistic), float(found.pvalue)


def _between_choices(numbers: Array, choices: Array) -> tuple[float, float]:
    """Root of the share of the ranks' variance between choices, and p by Kruskal and Wallis."""
    groups = [numbers[choices == place] for place in np.unique(choices)]
    statistic, p = scipy.stats.kruskal(*groups)
    return float(np.sqrt(statistic / (len(numbers) - 1))), float(p)


def _between(first: Array, second: Array) -> tuple[float, float]:
    """Cramer's V of two choices, and p by chi-square."""
    counts = scipy.stats.contingency.crosstab(first, second).count
    value = scipy.stats.contingency.association(counts, method="cramer")
    return float(value), float(scipy.stats.chi2_contingency(counts).pvalue)
