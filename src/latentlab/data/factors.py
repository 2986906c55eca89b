"""Known factors of examples, all of them in one label: the number of their combination.

The last factor changes fastest. A split that is stratified by such labels is so by every factor.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.data.prepared import Factor

FEWEST = 3
"""Examples of each combination, so that it can be in training, validation and test."""
MOST_VALUES = 4
"""Of a factor whose neighbouring values are put together."""


def values_of(labels: NDArray[np.int64], factors: Sequence[Factor]) -> NDArray[np.int64]:
    """Return each factor's value, 0.., of labels [n]: [n, factors]."""
    return np.stack(np.unravel_index(labels, _sizes(factors)), axis=1)


def labels_of(values: NDArray[np.int64], factors: Sequence[Factor]) -> NDArray[np.int64]:
    """Return the labels of factor values [n, factors]: [n]."""
    return np.ravel_multi_index(tuple(values.T), _sizes(factors)).astype(np.int64)


def class_names(factors: Sequence[Factor]) -> tuple[str, ...]:
    """Return the name of each label, such as `shape 0, size 2`."""
    each = ([f"{factor.name} {value}" for value in range(factor.values)] for factor in factors)
    return tuple(", ".join(combination) for combination in itertools.product(*each))


def put_together(
    values: NDArray[np.int64], names: Sequence[str], unordered: Collection[str]
) -> tuple[tuple[Factor, ...], NDArray[np.int64]]:
    """Make one value of neighbouring ones, so that each combination has several examples.

    Args:
        values: each factor's value, 0.., [n, factors].
        names: of the factors.
        unordered: names of those that are no steps of a quantity.

    Returns:
        The factors that vary, each with the most values up to 4 that divide its own, and labels
        [n].
    """
    factors, columns = [], []
    for name, column in zip(names, values.T, strict=True):
        given = int(column.max()) + 1
        kept = max(k for k in range(1, MOST_VALUES + 1) if given % k == 0)
        if kept > 1:
            factors.append(Factor(name, kept, name not in unordered))
            columns.append(column * kept // given)
    return tuple(factors), labels_of(np.stack(columns, axis=1), factors)


def rows_of_each(
    labels: NDArray[np.int64], repeats: int, rng: np.random.Generator, path: Path
) -> NDArray[np.intp]:
    """Draw as many examples of each label.

    Args:
        labels: of the file's examples, all of 0.., [n].
        repeats: examples of each.
        rng: draws them.
        path: the file, for the error.

    Returns:
        Sorted positions, [labels * repeats].

    Raises:
        UserError: the file has fewer of a label.
    """
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    if counts.min() < repeats:
        raise UserError(
            f"{path} has {counts.min()} pictures of a combination, not {repeats}",
            f"Set `repeats` to {counts.min()} at most.",
        )
    first = np.cumsum(counts) - counts
    return np.sort(order[(first[:, None] + np.arange(repeats)).ravel()])


def _sizes(factors: Sequence[Factor]) -> tuple[int, ...]:
    return tuple(factor.values for factor in factors)
