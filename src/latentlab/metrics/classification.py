"""How well predicted classes agree with labels, by several averages over the same table.

Every score is computed from class numbers alone, so that any classifier can be compared with any
other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def confusion_table(labels: Integers, predicted: Integers, classes: int) -> Integers:
    """Return the number of examples by class (rows) and named class, [classes, classes]."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def recalls(table: Integers) -> Floats:
    """Return the share of each class's examples that were named right, [classes].

    NaN for an absent class.
    """
    examples = table.sum(axis=1)
    return np.where(examples > 0, table.diagonal() / np.maximum(examples, 1), np.nan)


def precisions(table: Integers) -> Floats:
    """Return the share of what is named a class that is of it, [classes]; NaN for an absent class.

    A class that is there and never named has a precision of 0.
    """
    shares = table.diagonal() / np.maximum(table.sum(axis=0), 1)
    return np.where(table.sum(axis=1) > 0, shares, np.nan)


def f1_scores(table: Integers) -> Floats:
    """Return the harmonic mean of recall and precision, [classes]; NaN for an absent class.

    A class that is there and never named has an F1 of 0.
    """
    examples = table.sum(axis=1)
    named = table.sum(axis=0)
    scores = 2 * table.diagonal() / np.maximum(examples + named, 1)
    return np.where(examples > 0, scores, np.nan)


def classification_scores(table: Integers) -> dict[str, float]:
    """Return `accuracy`, `balanced_accuracy` and `macro_f1` of a confusion table with examples.

    The last two are means over the classes that occur among the labels.
    """
    return {
        "accuracy": float(table.diagonal().sum() / table.sum()),
        "balanced_accuracy": float(np.nanmean(recalls(table))),
        "macro_f1": float(np.nanmean(f1_scores(table))),
    }
