"""How well clusters agree with labels, and how many of them are in use.

Every score is computed from cluster numbers and labels alone, so that any clustering can be
compared with any other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ACTIVE_SHARE = 0.01
"""A cluster is active when it holds at least this share of the examples."""

Integers = NDArray[np.int64]


def cluster_table(assigned: Integers, labels: Integers, clusters: int, classes: int) -> Integers:
    """Number of examples in each cluster with each label, [clusters, classes]."""
    table = np.zeros((clusters, classes), dtype=np.int64)
    np.add.at(table, (assigned, labels), 1)
    return table


def agreement(assigned: Integers, labels: Integers) -> dict[str, float]:
    """Scores that need no match between clusters and labels.

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
    """Share of examples that have their cluster's most frequent label."""
    return float(table.max(axis=1).sum() / table.sum())


def matched_accuracy(table: Integers) -> float:
    """Share of examples with their cluster's label, under the best one-to-one match (Kuhn 1955).

    Means something only where there are as many clusters as labels: with more, the examples of all
    clusters but one of a label count as wrong.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


def clusters_in_use(table: Integers) -> dict[str, float]:
    """The number of clusters in use, by three definitions.

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
    """All of these by metric name; `hungarian_accuracy` only with as many clusters as classes."""
    table = cluster_table(assigned, labels, clusters, classes)
    scores = agreement(assigned, labels) | clusters_in_use(table) | {"purity": purity(table)}
    if clusters == classes:
        scores["hungarian_accuracy"] = matched_accuracy(table)
    return scores
