"""Group-sequential tests: data are looked at several times, and each look spends a part of alpha.

Lan and DeMets (1983) let a function say how much of alpha is spent by when. From it follow nominal
levels, to which the one-sided p-values of the looks are held: the significance-level approach of
Jennison and Turnbull (2000, ch. 11), which serves any test whose statistic gathers information in
proportion to the seeds. Two looks then correlate by sqrt(n_i / n_j).

The normal law of the looks is that of a known variance. Student's t at few seeds depends less from
look to look and errs up to a fifth more often; so the levels are lowered to what t tests of normal
data, simulated, allow (`_calibrated`). Exact tests and ranks are held to the same levels.
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

# Alphas for which the levels of a design are computed, and entries of the table between them.
_ALPHAS = np.concatenate([[1e-9, 1e-7, 1e-6, 1e-5, 1e-4], np.geomspace(5e-4, 0.9, 16)])
_ENTRIES = 1000
# Nodes of the quadrature over the process at one look, from this many standard errors below 0.
_NODES = 160
_LOWEST = -8.0
# Null studies by which the levels are calibrated, and the fewest crossings that say anything.
_SIMULATED = 200_000
_CROSSINGS = 100


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


@dataclass(frozen=True)
class FixedDesign:
    """One look at the data, as most studies have: its level is alpha."""

    def level(self, alpha: float, look: int) -> float:
        """Return alpha."""
        return alpha

    def attained(self, p: Array, look: int) -> Array:
        """Return the p-values."""
        return p


@dataclass(frozen=True)
class GroupSequential:
    """Looks that are declared before the data, and how alpha is spent on them.

    Args:
        looks: seeds at each look, rising; the first at least 2.
        spending: how alpha is spent.
    """

    looks: tuple[int, ...]
    spending: Spending

    def level(self, alpha: float, look: int) -> float:
        """Return the level to which a one-sided p-value is held at a look, counted from 0.

        Args:
            alpha: one-sided level of the whole test.
            look: which look.
        """
        deviates, alphas = self._table(look)
        return float(scipy.stats.norm.sf(np.interp(scipy.stats.norm.isf(alpha), alphas, deviates)))

    def attained(self, p: Array, look: int) -> Array:
        """Return the smallest alpha at which a p-value would be significant at a look.

        The smallest of those of all looks so far is a p-value of the whole test (Liu & Anderson
        2008), to be compared with alpha and corrected like any other.

        Args:
            p: one-sided p-values, any shape; NaN stays NaN.
            look: which look, counted from 0.

        Returns:
            Same shape, from 1e-9 to .9; 1 beyond.
        """
        deviates, alphas = self._table(look)
        at = scipy.stats.norm.isf(p)
        found = scipy.stats.norm.sf(np.interp(at, deviates, alphas))
        return np.where(np.isnan(p), np.nan, np.where(at < deviates[0], 1.0, found))

    def stagewise_p(self, p: float, look: int, alpha: float) -> float:
        """Return the p-value by stage-wise ordering: an earlier crossing counts as more extreme.

        Args:
            p: one-sided p-value at the look.
            look: which look, counted from 0.
            alpha: one-sided level of the whole test, which says what would have crossed earlier.
        """
        earlier = [self.level(alpha, k) for k in range(look)]
        boundaries = scipy.stats.norm.isf([*earlier, p])
        crossed = first_crossings(boundaries, np.array(self.looks[: look + 1], dtype=np.float64))
        return float(np.sum(crossed))

    def conditional_power(self, p: Array, look: int, alpha: Array) -> Array:
        """Return the chance of significance at the last look if the trend so far goes on.

        Args:
            p: one-sided p-values at the look; NaN stays NaN.
            look: which look, counted from 0, before the last.
            alpha: one-sided level of the whole test, of the same shape.
        """
        last = len(self.looks) - 1
        fraction = self.looks[look] / self.looks[-1]
        needed = scipy.stats.norm.isf([self.level(float(one), last) for one in np.ravel(alpha)])
        expected = scipy.stats.norm.isf(p) / math.sqrt(fraction)
        missing = (needed.reshape(np.shape(alpha)) - expected) / math.sqrt(1 - fraction)
        return np.asarray(scipy.stats.norm.sf(missing))

    def _table(self, look: int) -> tuple[Array, Array]:
        """Return nominal levels of a look and their alphas as normal deviates, both rising."""
        deviates, alphas = _tabled(self.looks, self.spending)
        return deviates[:, look], alphas


@lru_cache(maxsize=32)
def _tabled(looks: tuple[int, ...], spending: Spending) -> tuple[Array, Array]:
    """Return levels [entries, looks] and alphas [entries] as normal deviates, all rising."""
    alphas = scipy.stats.norm.isf(_ALPHAS[::-1])
    normal = [nominal_levels(alpha, looks, spending) for alpha in _ALPHAS[::-1]]
    deviates = scipy.stats.norm.isf(normal) + _calibrated(looks, spending, np.array(normal))
    entries = np.linspace(alphas[0], alphas[-1], _ENTRIES)
    curve = scipy.interpolate.PchipInterpolator(alphas, np.maximum.accumulate(deviates, axis=0))
    return np.asarray(curve(entries)), entries


def _calibrated(looks: tuple[int, ...], spending: Spending, normal: Array) -> Array:
    """Return by how much t tests need stricter boundaries, in standard deviations.

    Args:
        looks: seeds at each look.
        spending: how alpha is spent.
        normal: levels by the normal law, shape [alphas, looks], the largest alpha first.

    Returns:
        Shape [alphas, looks], not negative. Where a level is crossed too rarely to be simulated,
        the shift is that of the next larger alpha.
    """
    p = _null_t_tests(looks)
    shift, shifts = np.zeros(len(looks)), []
    for alpha, levels in zip(_ALPHAS[::-1], normal, strict=True):
        budget = spent(alpha, np.array(looks) / looks[-1], spending) * _SIMULATED
        alive = np.ones(_SIMULATED, dtype=np.bool_)
        for k in range(1, len(looks)):
            # The first look of a t test is exact. What is stricter than it need be is spent later.
            alive &= p[:, k - 1] > _shifted(levels[k - 1], shift[k - 1])
            left = int(budget[k]) - int(_SIMULATED - alive.sum())
            if budget[k] - budget[k - 1] >= _CROSSINGS and left >= _CROSSINGS:
                level = np.partition(p[alive, k], left)[left]
                needed = scipy.stats.norm.isf(level) - scipy.stats.norm.isf(levels[k])
                shift[k] = max(0.0, float(needed))
        shifts.append(shift.copy())
    return np.array(shifts)


def _shifted(level: float, shift: float) -> float:
    return float(scipy.stats.norm.sf(scipy.stats.norm.isf(level) + shift))


def _null_t_tests(looks: tuple[int, ...]) -> Array:
    """Return one-sided p-values of t tests of normal data without effect, shape [studies, looks].

    From the sums and sums of squares of what each look adds; the stream is fixed.
    """
    rng = np.random.default_rng(0)
    total, squares, p = np.zeros(_SIMULATED), np.zeros(_SIMULATED), []
    for n, added in zip(looks, np.diff(looks, prepend=0), strict=True):
        block = rng.normal(scale=math.sqrt(added), size=_SIMULATED)
        within = rng.chisquare(added - 1, _SIMULATED) if added > 1 else np.zeros(_SIMULATED)
        total, squares = total + block, squares + within + block**2 / added
        variance = (squares - total**2 / n) / (n - 1)
        p.append(scipy.stats.t.sf(total / np.sqrt(variance * n), n - 1))
    return np.stack(p, axis=-1)
