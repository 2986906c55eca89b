"""Group-sequential tests: data are looked at several times, each look at a level of its own.

The one-sided p-values of the looks are held to nominal levels: the significance-level approach of
Jennison and Turnbull (2000, ch. 11), which serves any test whose statistic gathers information in
proportion to the seeds. The levels spend alpha as `alpha_spending` says.

The normal law of the looks is that of a known variance. Student's t at few seeds depends less from
look to look and errs up to a fifth more often; so the levels are lowered to what t tests of normal
data, simulated, allow (`_calibrated`). Exact tests and ranks are held to the same levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy

from latentlab.core.arrays import Array
from latentlab.statistics.alpha_spending import Spending, first_crossings, nominal_levels, spent

# Alphas for which the levels of a design are computed, and entries of the table between them.
_ALPHAS = np.concatenate([[1e-9, 1e-7, 1e-6, 1e-5, 1e-4], np.geomspace(5e-4, 0.9, 16)])
_ENTRIES = 1000
# Null studies by which the levels are calibrated, and the fewest crossings that say anything.
_SIMULATED = 200_000
_CROSSINGS = 100


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
        return float(scipy.stats.norm.sf(self._boundary(np.array(alpha), look)))

    def attained(self, p: Array, look: int) -> Array:
        """Return the smallest alpha at which a p-value would be significant at a look.

        The smallest of those of all looks is a p-value of the whole test (Liu & Anderson 2008), to
        be compared with alpha and corrected like any other.

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
        boundaries = np.asarray(scipy.stats.norm.isf([*earlier, p]))
        crossed = first_crossings(boundaries, np.array(self.looks[: look + 1], dtype=np.float64))
        return float(np.sum(crossed))

    def conditional_power(self, p: Array, look: int, alpha: Array) -> Array:
        """Return the chance of significance at the last look if the trend so far goes on.

        Args:
            p: one-sided p-values at the look; NaN stays NaN.
            look: which look, counted from 0, before the last.
            alpha: one-sided level of the whole test, of the same shape.
        """
        fraction = self.looks[look] / self.looks[-1]
        expected = scipy.stats.norm.isf(p) / math.sqrt(fraction)
        missing = self._boundary(alpha, len(self.looks) - 1) - expected
        return np.asarray(scipy.stats.norm.sf(missing / math.sqrt(1 - fraction)))

    def _boundary(self, alpha: Array, look: int) -> Array:
        deviates, alphas = self._table(look)
        return np.interp(scipy.stats.norm.isf(alpha), alphas, deviates)

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
