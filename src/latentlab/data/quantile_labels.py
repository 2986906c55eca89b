"""Labels for data whose examples are described by a number and not by a class: its quartile band.

Stratifying by them keeps the splits alike, and a preview has one row per band.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentlab.data.prepared import Split
from latentlab.data.splitting import stratified_split


def quartile_labels(
    values: NDArray[np.float64], name: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Which quarter of all values each one lies in.

    Args:
        values: one number per example, [n].
        name: what they are.

    Returns:
        Band numbers [n], and for each band its name with the lowest and the highest value in it.
        Equal values share a band, so there may be fewer than four.
    """
    edges = np.quantile(values, (0.25, 0.5, 0.75))
    bands = np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)[1]
    members = [values[bands == band] for band in range(bands.max() + 1)]
    return bands.astype(np.int64), tuple(f"{name} {m.min():.2f}-{m.max():.2f}" for m in members)


def hold_out(
    features: NDArray[np.generic], labels: NDArray[np.int64], fraction: float, seed: int
) -> dict[str, Split]:
    """Training and test split, stratified by the labels.

    Args:
        features: all examples, [n, channels, height, width].
        labels: int64 [n].
        fraction: share of the test split, in (0, 1).
        seed: decides which examples it gets.
    """
    everything = Split(features, labels)
    rng = np.random.Generator(np.random.PCG64(seed))
    parts = stratified_split(labels, fraction, rng)
    return {
        name: everything.take(part) for name, part in zip(("train", "test"), parts, strict=True)
    }
