"""What a method without latents makes of the same split: k-means (Lloyd 1982)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import UserError
from latentlab.studies.mixture_harmonium.clustering import Integers, agreement

STARTS = 10
"""Random starts, of which scikit-learn keeps the one with the least within-cluster scatter."""


def kmeans_baseline(
    train_features: NDArray[np.floating],
    test_features: NDArray[np.floating],
    test_labels: Integers,
    clusters: int,
    seed: int,
) -> dict[str, float]:
    """Cluster the training images by their pixels and score the clusters of the test images.

    Args:
        train_features: [examples, ...]; axes after the first are flattened.
        test_features: [examples, ...].
        test_labels: [examples].
        clusters: number of clusters.
        seed: of the random starts.

    Returns:
        `kmeans_nmi`, `kmeans_ami` and `kmeans_ari`.

    Raises:
        UserError: fewer training images than clusters.
    """
    from sklearn.cluster import KMeans

    if clusters > len(train_features):
        raise UserError(
            f"k-means cannot make {clusters} clusters of {len(train_features)} training examples",
            "Choose fewer clusters, or more data.",
        )
    flat = [np.reshape(f, (len(f), -1)) for f in (train_features, test_features)]
    fitted = KMeans(clusters, n_init=STARTS, random_state=seed).fit(flat[0])
    scores = agreement(fitted.predict(flat[1]), test_labels)
    return {f"kmeans_{name}": value for name, value in scores.items()}
