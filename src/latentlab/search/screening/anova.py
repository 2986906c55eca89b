"""What is measured of each parameter in each sweep, many sweeps at once.

The test is an analysis of variance on normal scores (Conover & Iman 1981) in the rows that
have the parameter: a straight line and a parabola for a range, group means for choices. Its
statistic is minus the logarithm of the textbook p-value for independent rows. That p-value orders
sweeps and nothing more; what is rare is decided by the same measure in null replicates
(`step_down`), since under an adaptive sampler no textbook p-value holds.

Arrays are [sweeps, n]. Positions may have a single row, which then belongs to all sweeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from latentlab.core.arrays import Array, Mask
from latentlab.search.parameters import CategoricalParameter, Parameter
from latentlab.search.space import has_direction
from latentlab.statistics.ranks import best_rows, normal_scores

FEWEST_ROWS = 5
"""Rows below which nothing is measured."""
FEWEST_ELITES = 2
"""Elites below which they are no pattern."""
_DEPENDENT = 1e-6
"""Share of its length that a column keeps when it says nothing new."""
_STRONGEST = 700.0
"""Statistic of a perfect fit."""


@dataclass(frozen=True)
class Statistics:
    """A parameter in each sweep; NaN where something is undefined.

    Attributes:
        statistic: minus the logarithm of a textbook p-value; 0 where undefined, [sweeps].
        line: correlation of the scores with a straight line; 0 for unordered choices, [sweeps].
        peak: correlation of what the line leaves with a parabola; above 0 where the middle is
            better than the ends, [sweeps].
        elite_shares: of the elites, those with each choice; or those near the low bound and near
            the high one, [sweeps, parts].
        contrast: largest difference of two choices in standard errors, [sweeps].
    """

    statistic: Array
    line: Array
    peak: Array
    elite_shares: Array
    contrast: Array


@dataclass(frozen=True)
class Outcome:
    """The scores of some rows, ready to be compared with positions.

    Attributes:
        values: normal scores less their mean; 0 in other rows, [sweeps, n].
        best: elites, [sweeps, n].
        rows: how many count, [sweeps].
    """

    values: Array
    best: Mask
    rows: NDArray[np.int_]


def outcome_of(scores: Array, there: Mask, elite_share: float) -> Outcome:
    """Rank the scores of the rows that count.

    Args:
        scores: larger is better, [sweeps, n].
        there: rows that count, [sweeps, n].
        elite_share: of them, those that are elites.
    """
    masked = np.where(there, scores, np.nan)
    values = centred(normal_scores(masked), there)
    return Outcome(values, best_rows(masked, elite_share), there.sum(axis=1))


def parameter_statistics(
    parameter: Parameter, positions: Array, outcome: Outcome, near: float
) -> Statistics:
    """Measure one parameter in every sweep.

    Args:
        parameter: its range or its choices.
        positions: as `Column.shares` gives them, NaN where it does not exist.
        outcome: of the rows that have it.
        near: of the range: what lies closer to a bound is near it.
    """
    columns = terms(parameter, positions, ~np.isnan(positions))
    axes = orthonormal(columns)
    sweeps = len(outcome.values)
    line, peak = np.zeros(sweeps), np.zeros(sweeps)
    if has_direction(parameter):
        total = dot(outcome.values, outcome.values)
        along = dot(axes[0], outcome.values)
        line = _ratio(along, np.sqrt(total))
        rest = np.sqrt(np.maximum(total - along**2, 0))
        peak = _ratio(dot(axes[1], outcome.values), rest)
    count = outcome.best.sum(axis=1).astype(float)
    enough = (count >= FEWEST_ELITES) & (outcome.rows >= FEWEST_ROWS)
    count = np.where(enough, count, np.nan)
    parts = _parts(parameter, positions, near)
    shares = np.stack([(outcome.best & part).sum(axis=1) / count for part in parts], axis=1)
    contrast = np.full(sweeps, np.nan)
    if isinstance(parameter, CategoricalParameter):
        contrast = _largest_contrast(positions, outcome.values, len(parameter.choices))
    statistic = partial_statistic(axes, [], outcome.values, outcome.rows)
    return Statistics(statistic, line, peak, shares, contrast)


def stacked(parts: Sequence[Statistics]) -> Statistics:
    """Several measurements of one parameter as one, sweeps below each other."""
    names = [field.name for field in fields(Statistics)]
    return Statistics(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def terms(parameter: Parameter, positions: Array, there: Mask) -> list[Array]:
    """Columns of a parameter in a linear model, centred over the rows that have it, 0 elsewhere.

    A line and a parabola that opens downwards where there is a direction, else a column for each
    choice but the last.
    """
    if not has_direction(parameter):
        assert isinstance(parameter, CategoricalParameter)
        places = range(max(len(parameter.choices) - 1, 1))
        return [centred((positions == place).astype(float), there) for place in places]
    line = centred(positions, there)
    return [line, centred(-(line**2), there)]


def orthonormal(columns: Sequence[Array], basis: Sequence[Array] = ()) -> list[Array]:
    """The columns less what earlier ones and the basis say, with length 1; 0 where nothing is left.

    Args:
        columns: each [sweeps, n].
        basis: orthonormal columns, each [sweeps, n].
    """
    found: list[Array] = []
    for column in columns:
        left = column
        # Twice: the first time leaves rounding errors of the size of the column.
        for _ in range(2):
            for axis in (*basis, *found):
                left = left - axis * dot(axis, left)[:, None]
        length = np.sqrt((left**2).sum(axis=1, keepdims=True))
        whole = np.sqrt((column**2).sum(axis=1, keepdims=True))
        new = (length > _DEPENDENT * whole) & (whole > _DEPENDENT)
        found.append(np.divide(left, length, out=np.zeros_like(left), where=new))
    return found


def partial_statistic(
    axes: Sequence[Array], basis: Sequence[Array], outcome: Array, rows: NDArray[np.int_]
) -> Array:
    """Statistic of the F test that some columns say nothing given a basis, [sweeps].

    Args:
        axes: orthonormal to each other and to the basis, each [sweeps, n].
        basis: orthonormal, each [sweeps, n].
        outcome: centred, [sweeps, n].
        rows: number of rows, [sweeps].
    """
    for axis in basis:
        outcome = outcome - axis * dot(axis, outcome)[:, None]
    total = dot(outcome, outcome)
    explained = np.sum([dot(axis, outcome) ** 2 for axis in axes], axis=0)
    used = np.sum([axis.any(axis=1) for axis in axes], axis=0)
    left = rows - 1 - used - np.sum([axis.any(axis=1) for axis in basis], axis=0)
    defined = (rows >= FEWEST_ROWS) & (used > 0) & (left > 0) & (total > 0)
    used, left = np.maximum(used, 1), np.maximum(left, 1)
    rest = np.maximum(total - explained, 1e-12 * np.maximum(total, 1e-12))
    statistic = -scipy.stats.f.logsf((explained / used) / (rest / left), used, left)
    return np.where(defined, np.minimum(np.nan_to_num(statistic, posinf=_STRONGEST), _STRONGEST), 0)


def dot(one: Array, other: Array) -> Array:
    """Inner product in each sweep; a single row belongs to all, [sweeps]."""
    return np.asarray(np.einsum("sn,sn->s", *np.broadcast_arrays(one, other)))


def centred(values: Array, there: Mask) -> Array:
    """Values less their mean over the rows that count, 0 in the others, [sweeps, n]."""
    kept = np.where(there, values, 0.0)
    mean = kept.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, kept - mean, 0.0)


def _parts(parameter: Parameter, positions: Array, near: float) -> list[Mask]:
    if isinstance(parameter, CategoricalParameter):
        return [positions == place for place in range(len(parameter.choices))]
    rounding = 1e-9
    return [positions <= near + rounding, positions >= 1 - near - rounding]


def choice_means(places: Array, outcome: Array, choices: int) -> tuple[Array, Array, Array]:
    """Mean outcome and rows of each choice, and the variance within choices.

    Returns:
        [sweeps, choices], [sweeps, choices], [sweeps].
    """
    members = np.stack([(places == place).astype(float) for place in range(choices)], axis=1)
    count = np.broadcast_to(members.sum(axis=2), (len(outcome), choices))
    totals = np.stack([dot(members[:, place], outcome) for place in range(choices)], axis=1)
    means = _ratio(totals, count)
    between = np.nansum(means**2 * count, axis=1)
    freedom = count.sum(axis=1) - (count > 0).sum(axis=1)
    within = np.maximum(dot(outcome, outcome) - between, 0)
    return means, count, _ratio(within, freedom)


def _largest_contrast(places: Array, outcome: Array, choices: int) -> Array:
    means, count, variance = choice_means(places, outcome, choices)
    largest = np.full(len(outcome), np.nan)
    for one in range(choices):
        for other in range(one + 1, choices):
            error = np.sqrt(variance * (_ratio(1.0, count[:, one]) + _ratio(1.0, count[:, other])))
            difference = _ratio(np.abs(means[:, one] - means[:, other]), error)
            largest = np.fmax(largest, difference)
    return largest


def _ratio(top: Array | float, bottom: Array) -> Array:
    shape = np.broadcast_shapes(np.shape(top), np.shape(bottom))
    return np.divide(top, bottom, out=np.full(shape, np.nan), where=np.asarray(bottom) > 0)
