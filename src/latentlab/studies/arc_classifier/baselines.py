"""What comes of not looking at the tasks: the most frequent category, and a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from latentlab.metrics.classification import (
    Integers,
    classification_scores,
    confusion_table,
    recalls,
)
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.metrics import batch_mean_accuracy, by_category
from latentlab.training.contract import DataSpec

VERSION = 1
"""Raised when a score changes."""

Examples = tuple[NDArray[np.float32], Integers]


def baselines(
    config: ArcClassifierConfig,
    spec: DataSpec,
    train: Examples,
    splits: Mapping[str, Examples],
    stream: int,
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores by arm, split and metric.

    `majority` gives every task the shares of the classes in training as probabilities, and so
    names the most frequent one (of several the first). `chance` guesses evenly: its scores are
    expectations, without macro-F1, whose expectation depends on the number of tasks.

    Args:
        config: of the control arm; gives the batch size of the legacy metric.
        spec: of the data.
        train: tasks and labels that a seed's trials are trained on.
        splits: tasks and labels by split.
        stream: not needed; nothing is random.
    """
    counts = np.bincount(train[1], minlength=spec.classes)
    batch = config.training.batch_size
    return {
        "majority": {
            split: majority_scores(counts, labels, spec.names, batch)
            for split, (_, labels) in splits.items()
        },
        "chance": {
            split: chance_scores(labels, spec.classes, spec.names)
            for split, (_, labels) in splits.items()
        },
    }


def majority_scores(
    counts: Integers, labels: Integers, names: Sequence[str], batch_size: int
) -> dict[str, float]:
    """Scores of the answer that the training labels suggest.

    Args:
        counts: training examples of each class, [classes].
        labels: of the tasks that are scored, [tasks].
        names: of the classes.
        batch_size: of the legacy metric.
    """
    predicted = np.full(len(labels), counts.argmax())
    table = confusion_table(labels, predicted, len(counts))
    shares = counts / counts.sum()
    scores = classification_scores(table)
    # Where a label never occurred in training it has no probability, and the score is infinite.
    with np.errstate(divide="ignore"):
        scores["cross_entropy"] = float(-np.log(shares[labels]).mean())
    scores["legacy_batch_mean_accuracy"] = batch_mean_accuracy(predicted == labels, batch_size)
    return scores | by_category(recalls(table).tolist(), names)


def chance_scores(labels: Integers, classes: int, names: Sequence[str]) -> dict[str, float]:
    """Expected scores of an even guess.

    Args:
        labels: of the tasks that are scored, [tasks].
        classes: number of classes.
        names: of the classes.
    """
    share = 1 / classes
    averages = ("accuracy", "balanced_accuracy", "legacy_batch_mean_accuracy")
    scores = dict.fromkeys(averages, share) | {"cross_entropy": math.log(classes)}
    each = np.where(np.isin(np.arange(classes), labels), share, np.nan)
    return scores | by_category(each.tolist(), names)
