"""Known factors of examples, all of them in one label: the number of their combination.

The last factor changes fastest. A split that is stratified by such labels is so by every factor.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentlab.data.prepared import Factor

FEWEST = 3
"""Examples of each combination, so that it can be in training, validation and test."""


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


def _sizes(factors: Sequence[Factor]) -> tuple[int, ...]:
    return tuple(factor.values for factor in factors)
