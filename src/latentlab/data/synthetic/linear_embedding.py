"""Points of a few dimensions, shown in many pixels by a linear map that keeps distances.

What is true of the points is then true of the pictures: their rank, their dimension, their shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.data.copies import hold_out
from latentlab.data.prepared import Prepared, Schema
from latentlab.data.quantile_labels import quartile_labels
from latentlab.data.source import SourceConfig, subset_note
from latentlab.data.splitting import subset

LEVELS = np.iinfo(np.uint16).max
"""Finer than bytes, so that rounding adds no dimension that anything could notice."""


class EmbeddedConfig(SourceConfig):
    """Settings of synthetic points that are shown as pictures."""

    examples: int = Field(default=2000, ge=16, le=50_000, description="examples in all splits")
    side: int = Field(default=8, ge=2, le=64, description="height and width of a picture")
    seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="decides the points, the map and the split"
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="share of the examples that is held out"
    )


def show(
    name: str,
    points: NDArray[np.float64],
    coordinate: tuple[str, NDArray[np.float64]],
    config: EmbeddedConfig,
    rng: np.random.Generator,
    origin: str,
) -> Prepared:
    """Pictures of points: pixels = 1/2 + c Q point, with orthonormal columns Q.

    Args:
        name: of the source.
        points: around the origin, [n, dimensions], at most as many dimensions as pixels.
        coordinate: name and values, [n], of what the labels are the quartile bands of.
        config: settings.
        rng: draws Q.
        origin: how the points are made.

    Returns:
        uint16 [n, 1, side, side] with scale 65535; c is the largest that keeps pixels in [0, 1].
    """
    pixels = config.side**2
    # Q of a Gaussian matrix spans a random subspace, each with equal probability.
    basis = np.linalg.qr(rng.standard_normal((pixels, points.shape[1])))[0]
    shown = points @ basis.T
    shown = 0.5 + 0.5 * shown / np.abs(shown).max()
    features = np.rint(LEVELS * shown).astype(np.uint16).reshape(-1, 1, config.side, config.side)
    labels, classes = quartile_labels(coordinate[1], coordinate[0])
    schema = Schema(
        name=name,
        shape=features.shape[1:],
        dtype="uint16",
        scale=float(LEVELS),
        classes=classes,
    )
    splits = hold_out(features, labels, config.test_fraction, config.seed)
    return Prepared(
        schema,
        subset(splits, config.subset),
        f"{origin}, seed {config.seed}{subset_note(config.subset)}",
    )
