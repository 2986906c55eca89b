"""How well clusters agree with labels, and how many of them are in use.

Every score is computed from cluster numbers and labels alone, so that any clustering can be
compared with any other. `normalised_mutual_information` serves learning curves, as tensors; the
scores of the report are scikit-learn's.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ACTIVE_SHARE = 0.01
"""A cluster is active when it holds at least this share of the examples."""

Integers = NDArray[np.int64]


def cluster_table(assigned: Integers, labels: Integers, clusters: int, classes: int) -> Integers:
    """Return the number of examples in each cluster with each label, [clusters, classes]."""
    table = np.zeros((clusters, classes), dtype=np.int64)
    np.add.at(table, (assigned, labels), 1)
    return table


def agreement(assigned: Integers, labels: Integers) -> dict[str, float]:
    """Return scores that need no match between clusters and labels.

    `nmi` is mutual information over the mean of both entropies, which grows with the number of
    clusters by chance alone; `ami` and `ari` are corrected for that (Vinh, Epps & Bailey 2010;
    Hubert & Arabie 1985).

    Args:
        assigned: cluster of each example, [examples].
        labels: label of each example, [examples].
    """
    from sklearn import metrics

    return {
        "nmi": float(metrics.normalized_mutual_info_score(labels, assigned)),
        "ami": float(metrics.adjusted_mutual_info_score(labels, assigned)),
        "ari": float(metrics.adjusted_rand_score(labels, assigned)),
    }


def purity(table: Integers) -> float:
    """Return the share of examples that have their cluster's most frequent label."""
    return float(table.max(axis=1).sum() / table.sum())


def matched_accuracy(table: Integers) -> float:
    """Return the share of examples with their cluster's label, under the best match (Kuhn 1955).

    The match is one to one. It means something only where there are as many clusters as labels:
    with more, the examples of all clusters but one of a label count as wrong.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


def clusters_in_use(table: Integers) -> dict[str, float]:
    """Return the number of clusters in use, by three definitions.

    Returns:
        `active_clusters`: those that hold at least 1 % of the examples; `active_nonempty`: those
        that hold any; `effective_clusters`: the exponential of the entropy of the shares.
    """
    shares = table.sum(axis=1) / table.sum()
    held = shares[shares > 0]
    return {
        "active_clusters": float((shares >= ACTIVE_SHARE).sum()),
        "active_nonempty": float(len(held)),
        "effective_clusters": float(np.exp(-(held * np.log(held)).sum())),
    }


def clustering_scores(
    assigned: Integers, labels: Integers, clusters: int, classes: int
) -> dict[str, float]:
    """Return all of these by metric name.

    `hungarian_accuracy` only with as many clusters as classes.
    """
    table = cluster_table(assigned, labels, clusters, classes)
    scores = agreement(assigned, labels) | clusters_in_use(table) | {"purity": purity(table)}
    if clusters == classes:
        scores["hungarian_accuracy"] = matched_accuracy(table)
    return scores


def normalised_mutual_information(table: Tensor) -> Tensor:
    """Return mutual information over the arithmetic mean of both entropies, in 0..1.

    Args:
        table: counts or weights of clusters by labels, [clusters, labels].

    Returns:
        Scalar; 0 for an empty table, or where all is in one cluster.
    """
    joint = table / table.sum().clamp(min=1e-12)
    clusters, labels = joint.sum(1), joint.sum(0)
    of_clusters, of_labels, of_both = (
        -torch.xlogy(p, p).sum() for p in (clusters, labels, joint.flatten())
    )
    shared = of_clusters + of_labels - of_both
    return 2 * shared / (of_clusters + of_labels).clamp(min=1e-12)
