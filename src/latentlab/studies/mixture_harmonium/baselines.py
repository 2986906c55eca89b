"""What a method without latents makes of the same splits: k-means (Lloyd 1982)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from latentlab.metrics.clustering import Integers, agreement
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.training.contract import DataSpec
from latentlab.training.streams import generator

VERSION = 1
"""Raised when a score changes."""
STARTS = 10
"""Random starts, of which scikit-learn keeps the one with the least within-cluster scatter."""


def baselines(
    config: MixtureHarmoniumConfig,
    spec: DataSpec,
    train: tuple[NDArray[np.float32], NDArray[np.int64]],
    splits: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64]]],
    stream: int,
) -> dict[str, dict[str, dict[str, float]]]:
    """NMI, AMI and ARI of k-means by arm and split.

    One arm has as many clusters as there are classes, the other as many as the control arm. An arm
    with more clusters than there are training images cannot be fitted and is left out.

    Args:
        config: of the control arm.
        spec: of the data.
        train: images that a seed's trials are trained on, [examples, ...], and labels, which are
            not used.
        splits: images and labels by split.
        stream: of the seed.
    """
    images, _ = train
    seed = int(generator(stream, "scores/k-means").integers(1 << 31))
    sizes = {"k_means_classes": spec.classes, "k_means_same": config.model.clusters}
    return {
        arm: clustered(images, splits, clusters, seed)
        for arm, clusters in sizes.items()
        if clusters <= len(images)
    }


def clustered(
    train: NDArray[np.floating],
    splits: Mapping[str, tuple[NDArray[np.floating], Integers]],
    clusters: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Cluster the training images by their pixels and score the clusters of others.

    Args:
        train: [examples, ...]; axes after the first are flattened.
        splits: images and labels by split.
        clusters: number of clusters.
        seed: of the random starts.

    Returns:
        `nmi`, `ami` and `ari` by split.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    # One thread: a team of them stands still as soon as another program wants one of the cores.
    with threadpool_limits(1):
        fitted = KMeans(clusters, n_init=STARTS, random_state=seed).fit(_flat(train))
        return {
            split: agreement(fitted.predict(_flat(features)), labels)
            for split, (features, labels) in splits.items()
        }


def _flat(images: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.reshape(images, (len(images), -1))
