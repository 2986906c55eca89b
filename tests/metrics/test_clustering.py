"""Scores of a clustering: against scikit-learn, and what each rewards."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from latentlab.metrics.clustering import (
    cluster_table,
    clustering_scores,
    clusters_in_use,
    matched_accuracy,
    normalised_mutual_information,
    purity,
)


def test_scores_of_a_clustering_equal_scikit_learns():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 400)
    assigned = np.where(rng.random(400) < 0.7, labels, rng.integers(0, 5, 400))
    scores = clustering_scores(assigned, labels, 5, 5)
    assert scores["nmi"] == pytest.approx(
        sklearn_metrics.normalized_mutual_info_score(labels, assigned, average_method="arithmetic")
    )
    table = cluster_table(assigned, labels, 5, 5)
    expected = sklearn_metrics.cluster.contingency_matrix(assigned, labels)
    np.testing.assert_array_equal(table, expected)
    assert scores["purity"] == pytest.approx(expected.max(1).sum() / 400)
    assert scores["hungarian_accuracy"] == pytest.approx((assigned == labels).mean())


def test_matching_ignores_names_and_purity_rewards_splitting():
    labels = np.repeat(np.arange(4), 25)
    renamed = (labels + 1) % 4
    assert matched_accuracy(cluster_table(renamed, labels, 4, 4)) == 1
    each_its_own = cluster_table(np.arange(100), labels, 100, 4)
    assert purity(each_its_own) == 1
    assert matched_accuracy(each_its_own) == 0.04


def test_three_definitions_of_a_cluster_in_use():
    table = np.zeros((5, 2), dtype=np.int64)
    table[:, 0] = (500, 480, 10, 9, 0)
    table[3, 1] = 1
    used = clusters_in_use(table)
    assert used["active_clusters"] == 4
    table[2, 0] = 9
    table[0, 0] = 501
    used = clusters_in_use(table)
    assert used["active_clusters"] == 3
    assert used["active_nonempty"] == 4
    assert 2 < used["effective_clusters"] < 2.3
    even = clusters_in_use(np.full((4, 3), 7))
    assert even["effective_clusters"] == pytest.approx(4)


def test_mutual_information_of_tensors_equals_scikit_learns():
    rng = np.random.default_rng(1)
    labels, assigned = rng.integers(0, 5, 300), rng.integers(0, 3, 300)
    table = torch.from_numpy(cluster_table(assigned, labels, 3, 5)).double()
    expected = sklearn_metrics.normalized_mutual_info_score(labels, assigned)
    assert float(normalised_mutual_information(table)) == pytest.approx(expected, abs=1e-12)
    # Shares serve as well as counts.
    assert float(normalised_mutual_information(table / 300)) == pytest.approx(expected, abs=1e-12)
    assert float(normalised_mutual_information(torch.zeros(3, 10))) == 0
    assert float(normalised_mutual_information(torch.eye(4))) == pytest.approx(1)
