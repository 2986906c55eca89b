"""Manifolds whose smallest Euclidean embedding is known, shown in many pixels.

A point has coordinates u and v, uniform in [0, 1), and a place in a Euclidean space of few
dimensions. Facts about the embeddings: V. Guillemin and A. Pollack (1974), Differential Topology.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.data.prepared import Prepared
from latentlab.data.source import Source
from latentlab.data.synthetic.linear_embedding import EmbeddedConfig, show

Kind = Literal[
    "circle", "sphere", "torus", "flat_torus", "moebius_band", "klein_bottle", "swiss_roll"
]
Coordinates = NDArray[np.float64]

TUBE = 0.4
"""Radius of the tube of the torus and the Klein bottle, whose centre line has radius 1; and half
the width of the Moebius band."""


@dataclass(frozen=True)
class Manifold:
    """A manifold and the place that is drawn of it.

    Attributes:
        dimension: its own.
        embedding: of the smallest Euclidean space that holds it without crossing itself, however
            bent and stretched (smoothly): what a latent space needs at least.
        place: maps u and v, [n] each, to points [n, k]. The k coordinates are linearly
            independent, so that the pictures have rank k, which may be more than `embedding`.
    """

    dimension: int
    embedding: int
    place: Callable[[Coordinates, Coordinates], Coordinates]


def _circle(u: Coordinates, v: Coordinates) -> Coordinates:
    return _turn(u)


def _sphere(u: Coordinates, v: Coordinates) -> Coordinates:
    # Equal slices of height have equal area (Archimedes).
    height = (2.0 * u - 1.0)[:, None]
    return np.hstack([np.sqrt(1.0 - height**2) * _turn(v), height])


def _torus(u: Coordinates, v: Coordinates) -> Coordinates:
    out, up = TUBE * _turn(v).T
    return np.hstack([(1.0 + out)[:, None] * _turn(u), up[:, None]])


def _flat_torus(u: Coordinates, v: Coordinates) -> Coordinates:
    # Clifford's: the product of two circles.
    return np.hstack([_turn(u), _turn(v)])


def _moebius_band(u: Coordinates, v: Coordinates) -> Coordinates:
    out, up = TUBE * (2.0 * v - 1.0) * _turn(u / 2.0).T
    return np.hstack([(1.0 + out)[:, None] * _turn(u), up[:, None]])


def _klein_bottle(u: Coordinates, v: Coordinates) -> Coordinates:
    # A tube whose cross-section turns over once on the way, in the two dimensions left.
    out, up = TUBE * _turn(v).T
    return np.hstack([(1.0 + out)[:, None] * _turn(u), up[:, None] * _turn(u / 2.0)])


def _swiss_roll(u: Coordinates, v: Coordinates) -> Coordinates:
    # Three quarters of a turn to two turns and a quarter of a spiral, times an interval.
    radius = ((1.0 + 2.0 * u) / 3.0)[:, None]
    return np.hstack([radius * _turn(0.75 * (1.0 + 2.0 * u)), (2.0 * v - 1.0)[:, None]])


def _turn(share: Coordinates) -> Coordinates:
    """Points of the unit circle, [n, 2], at shares of a full turn."""
    angle = 2.0 * np.pi * share
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


MANIFOLDS: dict[str, Manifold] = {
    "circle": Manifold(1, 2, _circle),
    "sphere": Manifold(2, 3, _sphere),
    "torus": Manifold(2, 3, _torus),
    "flat_torus": Manifold(2, 3, _flat_torus),
    "moebius_band": Manifold(2, 3, _moebius_band),
    "klein_bottle": Manifold(2, 4, _klein_bottle),
    "swiss_roll": Manifold(2, 2, _swiss_roll),
}
"""By kind. The flat torus lies in four dimensions because it cannot be smooth and flat in three;
bent, it fits into three like any torus. The Klein bottle needs four."""


class ManifoldsConfig(EmbeddedConfig):
    """Settings of manifolds."""

    kind: Kind = Field(default="sphere", description=f"one of {', '.join(get_args(Kind))}")


def read_manifolds(config: ManifoldsConfig, folder: Path) -> Prepared:
    """Draw points of a manifold.

    Args:
        config: settings.
        folder: not used; the data is made here.

    Returns:
        uint16 [n, 1, side, side], labelled by the quartile band of u.
    """
    rng = np.random.Generator(np.random.PCG64(config.seed))
    u, v = rng.random((2, config.examples))
    manifold = MANIFOLDS[config.kind]
    origin = (
        f"Points of a {config.kind.replace('_', ' ')}, dimension {manifold.dimension}, smallest "
        f"embedding in {manifold.embedding}"
    )
    return show("manifolds", manifold.place(u, v), ("u", u), config, rng, origin)


MANIFOLDS_SOURCE = Source("manifolds", ManifoldsConfig, read_manifolds)
