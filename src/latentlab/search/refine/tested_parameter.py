"""One parameter with what a decision about it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentlab.core.arrays import Array, Mask
from latentlab.search.screening import Screening, ScreeningTest
from latentlab.statistics.ranks import best_rows, midranks


@dataclass(frozen=True)
class TestedParameter:
    """A parameter over the rows that were screened.

    Attributes:
        test: of its screening.
        positions: as `Column.shares` gives them, NaN where it does not exist, [n].
        scores: ranks, larger is better, NaN where it does not exist, [n].
        elites: the best of the rows that have it, [n].
        near: of a range: what lies closer to a bound is at the bound.
    """

    test: ScreeningTest
    positions: Array
    scores: Array
    elites: Mask
    near: float

    @property
    def exists(self) -> Mask:
        """Rows that have the parameter, [n]."""
        return ~np.isnan(self.positions)

    @property
    def elite_positions(self) -> Array:
        """Positions of the elites, [elites]."""
        return self.positions[self.elites]

    def elite_p(self, part: int) -> float:
        """How rare so many elites in one part are: with a choice, or near a bound."""
        shares = self.test.statistics.elite_shares[:, part]
        return self.test.share_at_least(shares, float(shares[0]))


def tested_parameter(screening: Screening, name: str) -> TestedParameter:
    """A parameter of a screened sweep."""
    counted = screening.rows.counted
    positions = screening.rows.columns[name].shares[counted]
    scores = np.empty(0)
    if len(positions):
        scores = midranks(screening.rows.places[counted][None])[0]
    scores = np.where(np.isnan(positions), np.nan, scores)
    elites = best_rows(scores[None], screening.elite_share)[0]
    return TestedParameter(screening.tests[name], positions, scores, elites, screening.near)
