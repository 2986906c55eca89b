"""The study's metrics: names, directions, ranges and definitions. `evaluation` computes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentlab.metrics.metric import Metric

REPORT = "report 001, as its program computed it"
CATEGORIES = ("S1", "S2", "S3", "C1", "C2", "K1", "L1", "A1", "A2")
"""The report's categories of rules; a data set may number them otherwise, or lack some."""


def category_metric(category: str) -> str:
    """Name of the metric that is a category's accuracy."""
    return f"accuracy_{category}"


def by_category(values: Sequence[float], names: Sequence[str]) -> dict[str, float]:
    """Accuracies of classes as metrics: of those that are among the nine categories.

    Args:
        values: by class number; NaN for a class without tasks, which is left out.
        names: of the classes; none leaves all out.
    """
    known = dict(zip(names, values, strict=False))
    return {
        category_metric(category): float(known[category])
        for category in CATEGORIES
        if category in known and not math.isnan(known[category])
    }


def batch_mean_accuracy(correct: NDArray[np.bool_], batch_size: int) -> float:
    """Unweighted mean of the accuracies of batches, the last of which may be short.

    This is how the report reduces accuracy. It depends on the order of the examples and on the
    size of a batch: an example in a short last batch weighs more.

    Args:
        correct: which examples were named right, in the order of the data, [examples].
        batch_size: examples per batch.
    """
    starts = range(0, len(correct), batch_size)
    return float(np.mean([correct[start : start + batch_size].mean() for start in starts]))


METRICS: tuple[Metric, ...] = (
    Metric(
        "balanced_accuracy",
        "higher",
        "share",
        "share of tasks whose category is named right, within each category, averaged over the "
        "categories that occur",
        0,
        1,
        "Brodersen et al. 2010",
    ),
    Metric(
        "accuracy", "higher", "share", "tasks whose category is named right", 0, 1, per_example=True
    ),
    Metric(
        "macro_f1",
        "higher",
        "share",
        "harmonic mean of recall and precision of each category, averaged over the categories that "
        "occur; 0 for one that is never named",
        0,
        1,
        "van Rijsbergen 1979",
    ),
    Metric(
        "cross_entropy",
        "lower",
        "nats per task",
        "negative log probability of the right category, without label smoothing",
        0,
        per_example=True,
    ),
    Metric(
        "legacy_batch_mean_accuracy",
        "higher",
        "share",
        "unweighted mean of the accuracies of batches of the training size in the order of the "
        "data: a task in a short last batch weighs more, and a constant answer scores differently "
        "by batch size",
        0,
        1,
        REPORT,
    ),
    *(
        Metric(
            category_metric(category),
            "higher",
            "share",
            f"tasks of category {category} that are named right; measured only where there are "
            "some",
            0,
            1,
            REPORT,
        )
        for category in CATEGORIES
    ),
)
