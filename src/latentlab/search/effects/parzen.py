"""PED-ANOVA's densities on a grid, for many resampled tables at once.

The definition is that of Optuna 5 (`optuna.importance.PedAnovaImportanceEvaluator`, after Watanabe
et al. 2023), and a test holds the two together. Optuna takes one study per call, about a second
for 10,000 trials of 20 parameters; a bootstrap interval and a null band need hundreds of them. A
table enters a density only by how many of its rows lie in each cell of the grid, so that here all
resampled tables of a parameter are one array of counts, [tables, cells].
"""

from __future__ import annotations

import math

import numpy as np
import scipy.special

from latentlab.core.arrays import Array, Codes
from latentlab.search.columns import Column
from latentlab.search.proposals import distribution_of, quiet

_STEPS = 50
"""Cells of a real number."""
_NARROWEST = 0.5 / 1.64
"""Standard deviation at which 90 % of a kernel lie in one cell."""
_FLOOR = 1e-12
"""Added to a density before it divides."""


def cells_of(column: Column) -> tuple[Codes, int]:
    """The grid cell of each row that has the parameter, and the number of cells.

    A real number has 50 cells, evenly spaced in logs where it is searched in logs; a whole number
    at most one for each value, on a log scale at most one for each doubling; a categorical one
    for each choice, ordered or not. A parameter with a single value has one cell.
    """
    if column.choices:
        return column.codes[column.exists], len(column.choices)
    from optuna.distributions import FloatDistribution, IntDistribution

    with quiet():
        distribution = distribution_of(column.parameter)
    low, high = column.ends
    size = _STEPS
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    declared_low, declared_high = float(distribution.low), float(distribution.high)
    whole = column.parameter.type == "int"
    step = distribution.step
    if whole and column.log:
        size = min(math.ceil(math.log2(declared_high - declared_low + 1)) + 1, size)
    elif step is not None:
        # Optuna moves the upper bound down to the last multiple of the step.
        low, high = declared_low, declared_high
        size = min(round((high - low) / step) + 1, size)
    if size < 2:
        return np.zeros(int(column.exists.sum()), dtype=np.intp), 1
    width = (high - low) / (size - 1)
    places = np.ceil((column.positions[column.exists] - low) / width - 0.5)
    return np.clip(places, 0, size - 1).astype(np.intp), size


def density(counts: Array, categorical: bool) -> Array:
    """Probability of each cell by a Parzen estimator with Scott's bandwidth and one prior kernel.

    Args:
        counts: rows in each cell, at least one row per table, [tables, cells].
        categorical: whether cells are choices, without a distance between them.

    Returns:
        Shape [tables, cells]; each table sums to 1.
    """
    return _categorical(counts) if categorical else _numerical(counts)


def _categorical(counts: Array) -> Array:
    size = counts.shape[1]
    rows = counts.sum(axis=1, keepdims=True)
    # Each observed choice is a kernel that leaves a little to the others; the prior is uniform.
    kernels = (counts > 0).sum(axis=1, keepdims=True) + 1
    spread = 1 / kernels
    smoothed = (counts + rows * spread) / (1 + size * spread)
    return np.asarray((smoothed + 1 / size) / (rows + 1))


def _numerical(counts: Array) -> Array:
    size = counts.shape[1]
    cells = np.arange(size)
    rows = counts.sum(axis=1)
    sigma = np.maximum(_scott(counts), _NARROWEST)
    # Gaussian mass between cell edges depends on the distance of the cells alone.
    distances = np.arange(-size, size) + 0.5
    cumulative = scipy.special.ndtr(distances / sigma[:, None])
    # Cell x seen from kernel m: the mass from x - m - 1/2 to x - m + 1/2, at index x - m + size.
    mass = np.diff(cumulative, axis=1)
    apart = cells[:, None] - cells[None, :] + size - 1
    inside = cumulative[:, 2 * size - 1 - cells] - cumulative[:, size - 1 - cells]
    observed = np.einsum("txm,tm->tx", mass[:, apart], counts / inside)
    # The prior kernel lies in the middle and is as wide as the grid.
    middle, width = (size - 1) / 2, size
    edges = scipy.special.ndtr((np.arange(size + 1) - 0.5 - middle) / width)
    prior = np.diff(edges) / (edges[-1] - edges[0])
    return np.asarray((observed + prior) / (rows[:, None] + 1))


def _scott(counts: Array) -> Array:
    """Scott's bandwidth (1992), by the interquartile range where that is smaller, [tables]."""
    cells = np.arange(counts.shape[1])
    rows = counts.sum(axis=1)
    mean = counts @ cells / rows
    squares = np.sum(counts * (cells - mean[:, None]) ** 2, axis=1)
    deviation = np.sqrt(squares / np.maximum(1, rows - 1))
    until = np.cumsum(counts, axis=1)
    first = np.argmax(until >= np.maximum(rows // 4, 1)[:, None], axis=1)
    third = np.argmax(until > (rows * 3 // 4)[:, None], axis=1)
    return np.asarray(1.059 * np.minimum((third - first) / 1.34, deviation) * rows**-0.2)


def divergence(top: Array, region: Array) -> Array:
    """Pearson's divergence of the best rows' density from that of all rows.

    Args:
        top: densities of the best, [tables, cells].
        region: densities of all rows, the same shape or one table.

    Returns:
        Shape [tables].
    """
    region = region + _FLOOR
    return np.asarray(np.sum(region * ((top + _FLOOR) / region - 1) ** 2, axis=1))
