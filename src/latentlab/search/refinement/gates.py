"""Gates: which parameters matter at all, given what noise looks like under the same sampler."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import plural
from latentlab.search.refinement.families import Family, corrected_family
from latentlab.search.refinement.measures import (
    FEWEST_ROWS,
    Measured,
    centred,
    measure,
    orthonormal,
    outcome_of,
    partial_evidence,
    stacked,
    terms,
)
from latentlab.search.refinement.nulls import Nulls
from latentlab.search.refinement.observed import Observed
from latentlab.search.refinement.ranks import normal_scores
from latentlab.search.refinement.rules import Rules
from latentlab.search.space import Space


@dataclass(frozen=True)
class Gate:
    """One parameter before its gate.

    Attributes:
        parameter: its name.
        rows: that have the parameter and a score.
        p: of its main effect, against studies of noise.
        corrected: the same in the family of all parameters.
        beside: names of stronger parameters that were taken into account.
        p_beside: what is left of the effect beside them: p of the partial F test, corrected for
            those that still stood before the gate; NaN where it was not asked for.
        is_open: whether something may be done about the parameter.
        reason: why its effect is not defined; empty where it is.
        measured: the sweep first, then the studies of noise.
    """

    parameter: str
    rows: int
    p: float
    corrected: float
    beside: tuple[str, ...]
    p_beside: float
    is_open: bool
    reason: str
    measured: Measured

    def share_at_least(self, values: Array, observed: float) -> float:
        """Share of all studies, the sweep among them, with at least a value; 1 if undefined.

        Args:
            values: the sweep first, then the studies of noise, [1 + studies].
            observed: the sweep's, after which p is asked.
        """
        if math.isnan(observed):
            return 1.0
        with np.errstate(invalid="ignore"):
            as_rare = np.count_nonzero(values[1:] >= observed - 1e-12)
        return (1 + as_rare) / len(values)


@dataclass(frozen=True)
class Gates:
    """All gates of a sweep in one mode.

    Attributes:
        by_parameter: in the order of the space.
        family: their p-values.
        names: of the gates in the order of the family.
        studies: of noise.
    """

    by_parameter: Mapping[str, Gate]
    family: Family
    names: tuple[str, ...]
    studies: int


def measured_against(
    space: Space, observed: Observed, nulls: Nulls, rules: Rules
) -> dict[str, Measured]:
    """Every parameter in the sweep and in studies of noise."""
    found: dict[str, list[Measured]] = {name: [] for name in space.parameters}
    for studies in itertools.chain([observed.study], nulls.of(space, observed)):
        # Most parameters exist in all rows, whose order is then the same for all of them.
        everywhere = np.ones(studies.scores.shape, dtype=bool)
        whole = outcome_of(studies.scores, everywhere, rules.elite_share)
        for name, parameter in space.parameters.items():
            positions = studies.positions[name]
            there = ~np.isnan(positions)
            outcome = whole
            if not there.all():
                masks = np.broadcast_to(there, everywhere.shape)
                outcome = outcome_of(studies.scores, masks, rules.elite_share)
            found[name].append(measure(parameter, positions, outcome, rules.near))
    return {name: stacked(parts) for name, parts in found.items()}


def open_gates(
    space: Space, observed: Observed, measured: Mapping[str, Measured], rules: Rules
) -> Gates:
    """Open the gates of parameters that matter.

    First all main effects are tested in one family. Where nothing matters, no gate opens with
    probability 1 - alpha at least, and nothing that comes later can open one. Then the strongest
    stays open, and every other one only if something of its effect is left beside those that stay
    open already: an adaptive sampler draws parameters together, so that one that does nothing can
    go along with one that does.

    Args:
        space: what was searched.
        observed: the sweep.
        measured: of every parameter, the sweep first.
        rules: of the mode.
    """
    names = tuple(space.parameters)
    family = corrected_family(np.stack([measured[n].evidence for n in names], axis=1))
    surprise = dict(zip(names, family.surprise, strict=True))
    corrected = dict(zip(names, family.corrected, strict=True))
    undefined = {name: _undefined(name, observed) for name in names}
    candidates = sorted(
        (n for n in names if corrected[n] <= rules.alpha + 1e-12 and not undefined[n]),
        key=lambda name: -surprise[name],
    )
    stay, beside = _forward(space, observed, candidates, rules.beside)
    by_parameter = {
        name: Gate(
            name,
            int((~np.isnan(observed.study.positions[name])).sum()),
            float(family.p[place]),
            float(corrected[name]),
            beside.get(name, ((), math.nan))[0],
            beside.get(name, ((), math.nan))[1],
            name in stay,
            undefined[name],
            measured[name],
        )
        for place, name in enumerate(names)
    }
    studies = len(family.largest) - 1
    return Gates(by_parameter, family, names, studies)


def _forward(
    space: Space, observed: Observed, candidates: Sequence[str], level: float
) -> tuple[set[str], dict[str, tuple[tuple[str, ...], float]]]:
    """Take in one candidate after the other, each beside those that are in."""
    stay, left = list(candidates[:1]), list(candidates[1:])
    beside: dict[str, tuple[tuple[str, ...], float]] = {}
    while left:
        p = {name: _beside(space, observed, name, stay) for name in left}
        for name in left:
            beside[name] = tuple(stay), min(p[name] * len(left), 1.0)
        best = min(left, key=lambda name: p[name])
        if beside[best][1] > level:
            break
        stay.append(best)
        left.remove(best)
    return set(stay), beside


def _beside(space: Space, observed: Observed, name: str, others: Sequence[str]) -> float:
    """P-value of a parameter beside others, in the rows that have it."""
    positions = observed.study.positions
    there = ~np.isnan(positions[name])
    outcome = centred(normal_scores(np.where(there, observed.study.scores, np.nan)), there)
    columns = []
    for other in others:
        # Where the other one does not exist, its columns say nothing.
        has = ~np.isnan(positions[other]) & there
        columns += terms(space.parameters[other], positions[other], has)
    basis = orthonormal(columns)
    axes = orthonormal(terms(space.parameters[name], positions[name], there), basis)
    evidence = partial_evidence(axes, basis, outcome, there.sum(axis=1))
    return float(np.exp(-evidence[0]))


def _undefined(name: str, observed: Observed) -> str:
    """Why a parameter cannot be tested in this sweep, or nothing."""
    positions = observed.study.positions[name][0]
    there = ~np.isnan(positions)
    rows = int(there.sum())
    if rows < FEWEST_ROWS:
        there_are = plural(rows, "configuration")
        return f"it has scores in {there_are}; at least {FEWEST_ROWS} are needed"
    if np.ptp(positions[there]) == 0:
        return "it has a single value"
    if np.ptp(observed.study.scores[0][there]) == 0:
        return "all scores are equal"
    return ""
