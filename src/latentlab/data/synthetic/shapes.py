"""Small pictures of one shape each, whose generating factors are known: dSprites in small.

After L. Matthey, I. Higgins, D. Hassabis, A. Lerchner (2017), dSprites: disentanglement testing
sprites dataset. Here sizes, angles and places are drawn anew within each value of a factor, so that
no two pictures are the same, and angles end at a quarter turn, so that none of them closes a circle
that one latent unit could not hold. In the second source two factors go together, as in Traeuble et
al. 2021, "On disentangled representations learned from correlated data".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.data.copies import hold_out
from latentlab.data.factors import FEWEST, class_names, values_of
from latentlab.data.prepared import Factor, Prepared, Schema
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import apportion, subset

SIDE = 16
SHAPES = ("bar", "ellipse", "cross")
FACTORS = (
    Factor("shape", len(SHAPES), ordered=False),
    Factor("size", 3),
    Factor("angle", 4),
    Factor("x", 4),
    Factor("y", 4),
)
COMBINATIONS = int(np.prod([factor.values for factor in FACTORS]))

LENGTHS = (2.2, 4.6)
"""Half the long axis, pixels."""
PLACES = (4.5, 11.5)
"""Of the centre, pixels from the edge: shapes stay inside."""
SLIMNESS = 2.2
"""Long axis over short axis."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ShapesConfig(SourceConfig):
    """Settings of the pictures."""

    repeats: int = Field(
        default=8,
        ge=FEWEST,
        le=100,
        description=f"pictures of each of {COMBINATIONS} combinations of factors",
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="decides pictures and split")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="share of the pictures that is held out"
    )


class CorrelatedShapesConfig(ShapesConfig):
    """Settings of pictures in which size and place go together."""

    width: float = Field(
        default=0.2,
        gt=0,
        le=10,
        description="of the band around equal shares of size and x where most pictures lie, in "
        "shares of their ranges: the smaller, the more they go together",
    )


def read_shapes(config: ShapesConfig, folder: Path) -> Prepared:
    """Draw as many pictures of each combination.

    Args:
        config: settings.
        folder: not used; the data is made here.

    Returns:
        uint8 [n, 1, 16, 16], labelled by the combination of factors.
    """
    counts = np.full(COMBINATIONS, config.repeats)
    return _drawn("shapes", config, counts, "factors independent")


def read_correlated_shapes(config: CorrelatedShapesConfig, folder: Path) -> Prepared:
    """Draw pictures most of which are the larger the further right they are.

    No combination is left out: three of each are drawn, the rest by a normal density of the
    difference of size and x.

    Args:
        config: settings.
        folder: not used; the data is made here.

    Returns:
        uint8 [n, 1, 16, 16], labelled by the combination of factors.
    """
    values = values_of(np.arange(COMBINATIONS), FACTORS)
    size, x = (values[:, k] / (FACTORS[k].values - 1) for k in (1, 3))
    density = np.exp(-((size - x) ** 2) / (2 * config.width**2))
    # Whole numbers, from which apportioning makes whole numbers.
    weights = np.ceil(1e6 * density).astype(np.intp)
    total = COMBINATIONS * config.repeats
    rest = total - COMBINATIONS * (FEWEST - 1)
    counts = FEWEST - 1 + apportion(weights, rest, np.full(COMBINATIONS, rest))
    return _drawn("correlated_shapes", config, counts, f"size and x within {config.width}")


def draw(values: Integers, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one picture of each row of factor values [n, 5]: grey levels, [n, 16, 16]."""
    shape = values[:, 0]
    # A place within the value of each factor that is a quantity.
    counts = np.array([factor.values for factor in FACTORS[1:]])
    size, angle, x, y = ((values[:, 1:] + rng.random((len(values), 4))) / counts).T
    turn = angle * np.pi / 2
    across, down = (np.arange(SIDE) + 0.5 - _between(PLACES, place)[:, None] for place in (x, y))
    u = _outer(np.cos(turn), across, np.sin(turn), down)
    v = _outer(-np.sin(turn), across, np.cos(turn), down)
    long = _between(LENGTHS, size)[:, None, None]
    short = long / SLIMNESS
    bar = np.maximum(np.abs(u) - long, np.abs(v) - short)
    ellipse = (np.hypot(u / long, v / short) - 1) * short
    half = short / 2
    cross = np.minimum(
        np.maximum(np.abs(u) - long, np.abs(v) - half),
        np.maximum(np.abs(u) - half, np.abs(v) - 1.4 * short),
    )
    outside = np.stack([bar, ellipse, cross])[shape, np.arange(len(values))]
    # A pixel is as bright as the share of it, roughly, that lies inside.
    return np.rint(255 * np.clip(0.5 - outside, 0, 1)).astype(np.uint8)


def _drawn(name: str, config: ShapesConfig, counts: NDArray[np.intp], how: str) -> Prepared:
    rng = np.random.Generator(np.random.PCG64(config.seed))
    labels = np.repeat(np.arange(COMBINATIONS), counts)
    features = draw(values_of(labels, FACTORS), rng)[:, None]
    schema = Schema(
        name=name,
        shape=(1, SIDE, SIDE),
        dtype="uint8",
        scale=255.0,
        classes=class_names(FACTORS),
        factors=FACTORS,
    )
    splits = hold_out(features, labels, config.test_fraction, config.seed)
    origin = f"Shapes with known factors, {how}, seed {config.seed}{subset_note(config.subset)}"
    return Prepared(schema, subset(splits, config.subset), origin)


def _between(ends: tuple[float, float], share: Floats) -> Floats:
    low, high = ends
    return low + (high - low) * share


def _outer(one: Floats, across: Floats, other: Floats, down: Floats) -> Floats:
    """Return one * across + other * down of each pixel, [n, height, width]."""
    return one[:, None, None] * across[:, None, :] + other[:, None, None] * down[:, :, None]


SHAPES_SOURCE = Source("shapes", ShapesConfig, read_shapes)
CORRELATED_SHAPES = Source("correlated_shapes", CorrelatedShapesConfig, read_correlated_shapes)
