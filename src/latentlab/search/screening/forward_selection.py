"""What is left of an effect given stronger ones: candidates are taken in one after the other.

An adaptive sampler draws parameters together: one that does nothing goes along with one that does,
so that its main effect is no evidence of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from latentlab.search.matrix import SweepMatrix
from latentlab.search.screening.anova import centred, orthonormal, partial_statistic, terms
from latentlab.search.screening.levels import HIGH, MODERATE, ROUNDING
from latentlab.search.screening.null_replicates import NullReplicates
from latentlab.statistics.ranks import normal_scores

Selected = tuple[tuple[str, ...], float, float]
"""What a candidate is conditional on, its partial p, and its corrected p."""


def forward_selection(
    rows: SweepMatrix,
    own: NullReplicates,
    strongest_first: Sequence[str],
    main: Mapping[str, float],
) -> dict[str, Selected]:
    """Take in one candidate after the other, each given those that are in.

    First come candidates for `HIGH`, then those for `MODERATE`; a partial p is multiplied by the
    number of candidates that are left.

    Args:
        rows: of the sweep.
        own: the same as positions and ranks.
        strongest_first: parameters that can be tested.
        main: corrected p-values of their main effects; candidates are those up to a level.
    """
    selected: dict[str, Selected] = {}
    taken: list[str] = []
    least = 0.0
    for level in (HIGH + ROUNDING, MODERATE + ROUNDING):
        left = [name for name in strongest_first if main[name] <= level and name not in taken]
        while left:
            for name in left:
                partial = math.nan
                if taken:
                    partial = min(partial_p(rows, own, name, taken) * len(left), 1.0)
                corrected = max(least, main[name], partial) if taken else main[name]
                selected[name] = tuple(taken), partial, corrected
            best = left[0]
            if taken:
                best = min(left, key=lambda name: selected[name][1])
            if selected[best][2] > level:
                break
            least = selected[best][2]
            taken.append(best)
            left.remove(best)
    return selected


def partial_p(rows: SweepMatrix, own: NullReplicates, name: str, given: Sequence[str]) -> float:
    """P-value of a parameter given others, in the rows that have it."""
    parameters, positions = rows.space.parameters, own.positions
    exists = ~np.isnan(positions[name])
    outcome = centred(normal_scores(np.where(exists, own.scores, np.nan)), exists)
    columns = []
    for other in given:
        # Where the other one does not exist, its columns say nothing.
        both = ~np.isnan(positions[other]) & exists
        columns += terms(parameters[other], positions[other], both)
    basis = orthonormal(columns)
    axes = orthonormal(terms(parameters[name], positions[name], exists), basis)
    statistic = partial_statistic(axes, basis, outcome, exists.sum(axis=1))
    return float(np.exp(-statistic[0]))
