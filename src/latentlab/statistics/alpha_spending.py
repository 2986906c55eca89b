"""How much of alpha each look at growing data may spend, and the boundaries that follow.

Lan and DeMets (1983) let a function say how much of alpha is spent by when. The standardised
statistics of two looks are normal and correlate by sqrt(n_i / n_j), where information is seeds; the
chance of crossing a boundary first at a look is integrated from look to look (Armitage, McPherson &
Rowe 1969).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy

from latentlab.core.arrays import Array

Spending = Literal["obrien_fleming", "pocock"]

# Nodes of the quadrature over the process at one look, from this many standard errors below 0.
_NODES = 160
_LOWEST = -8.0


def spent(alpha: float, fraction: Array, spending: Spending) -> Array:
    """Return how much of a one-sided alpha may be spent by a share of the information.

    Args:
        alpha: the level, in (0, 1).
        fraction: share of the last look's information, in (0, 1], any shape.
        spending: "obrien_fleming" spends hardly anything early, "pocock" about evenly.

    Returns:
        The same shape; alpha where the fraction is 1.

    Example:
        >>> spent(0.05, np.array([0.5, 1.0]), "pocock").round(3).tolist()
        [0.031, 0.05]
    """
    if spending == "pocock":
        return alpha * np.log1p((math.e - 1) * fraction)
    quantile = scipy.stats.norm.isf(alpha / 2)
    return np.asarray(2 * scipy.stats.norm.sf(quantile / np.sqrt(fraction)))


def first_crossings(boundaries: Array, information: Array) -> Array:
    """Return the chance of crossing a boundary first at each look, where there is no effect.

    Args:
        boundaries: upper boundaries of the standardised statistics, shape [looks].
        information: of each look, rising, in any unit, shape [looks].

    Example:
        >>> never = np.array([np.inf, 1.645])
        >>> first_crossings(never, np.array([1.0, 2.0])).round(3).tolist()
        [0.0, 0.05]
    """
    process, found = _Process(), []
    for boundary, n in zip(boundaries, information, strict=True):
        found.append(float(process.crossing(boundary, n)))
        process = process.kept_below(boundary, n)
    return np.array(found)


def nominal_levels(alpha: float, looks: tuple[int, ...], spending: Spending) -> Array:
    """Return the level of each look at which a normal test of known variance spends alpha.

    Args:
        alpha: one-sided level of the whole test.
        looks: seeds at each look, rising.
        spending: how alpha is spent.

    Returns:
        Shape [looks].

    Example:
        >>> nominal_levels(0.025, (10, 20), "obrien_fleming").round(4).tolist()
        [0.0015, 0.0245]
    """
    information = np.array(looks, dtype=np.float64)
    due = np.diff(spent(alpha, information / information[-1], spending), prepend=0.0)
    process, levels = _Process(), []
    for n, share in zip(information, due, strict=True):
        boundary = process.boundary(share, n)
        levels.append(float(scipy.stats.norm.sf(boundary)))
        process = process.kept_below(boundary, n)
    return np.array(levels)


@dataclass(frozen=True)
class _Process:
    """The sum of the data at a look among studies that crossed nothing yet, as weighted nodes.

    Attributes:
        nodes: values of the sum, shape [nodes]; before the first look it is 0.
        weights: their probabilities, same shape.
        information: of the look.
    """

    nodes: Array = field(default_factory=lambda: np.zeros(1))
    weights: Array = field(default_factory=lambda: np.ones(1))
    information: float = 0.0

    def crossing(self, boundary: float, information: float) -> float:
        """Return the chance of not having crossed before and of crossing now."""
        step = math.sqrt(information - self.information)
        beyond = (boundary * math.sqrt(information) - self.nodes) / step
        return float(self.weights @ scipy.special.ndtr(-beyond))

    def boundary(self, chance: float, information: float) -> float:
        """Return the boundary that is crossed with this chance."""

        def surplus(boundary: float) -> float:
            return math.log(max(self.crossing(boundary, information), 1e-300) / sought)

        # Early looks of a small alpha may be owed less than floats can hold.
        sought = max(chance, 1e-290)
        return float(scipy.optimize.brentq(surplus, _LOWEST, -5 * _LOWEST, xtol=1e-10))

    def kept_below(self, boundary: float, information: float) -> _Process:
        """Return the process at the next look, where it stayed below the boundary."""
        scale, step = math.sqrt(information), math.sqrt(information - self.information)
        low, high = _LOWEST * scale, min(boundary, -_LOWEST) * scale
        at, share = _quadrature()
        nodes = (high - low) / 2 * at + (high + low) / 2
        kernel = np.exp(-(((nodes - self.nodes[:, None]) / step) ** 2) / 2)
        density = self.weights @ kernel / (step * math.sqrt(2 * math.pi))
        return _Process(nodes, density * share * (high - low) / 2, information)


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Array, Array]:
    """Return nodes in (-1, 1) and weights of Gauss and Legendre's rule."""
    return np.polynomial.legendre.leggauss(_NODES)
