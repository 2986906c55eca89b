"""Several contrasts of arms at once: estimates, errors, and p-values that hold for all together.

A contrast is a weighted sum of the arms' means. Arms share seeds (paired: seeds are blocks) or do
not. Their errors come from one spread that all arms share, as Dunnett and Tukey have it, or from
each contrast's own. Arrays carry leading axes of studies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import scipy

from latentlab.core.arrays import Array
from latentlab.statistics.corrections import adjust
from latentlab.statistics.location import ROUNDING

_NODES = 64
# Beyond these tails of the spread and of the control's mean nothing is integrated.
_TAIL = 1e-12


@dataclass(frozen=True)
class Contrasts:
    """Estimated contrasts.

    Attributes:
        estimates: shape [..., contrasts].
        errors: standard errors, same shape; 0 where nothing but rounding varies.
        freedom: degrees of freedom of the errors, broadcastable to that shape.
    """

    estimates: Array
    errors: Array
    freedom: Array

    def deviates(self, low: float = 0.0, high: float = 0.0) -> Array:
        """Return by how many errors the estimates lie above `high`, or below `low`.

        Negative where they lie between them. NaN without an error.
        """
        return _over(np.maximum(self.estimates - high, low - self.estimates), self.errors)

    def within(self, low: float, high: float) -> Array:
        """Return the p-value that all contrasts lie between `low` and `high`, shape [...].

        Each is held to it by its own test, and the largest p counts: that all hold is shown where
        each is (Berger 1982).
        """
        t = _over(np.minimum(high - self.estimates, self.estimates - low), self.errors)
        return np.asarray(np.max(scipy.stats.t.sf(t, self.freedom), axis=-1))


def of_blocks(scores: Array, weights: Array, *, shared: bool) -> Contrasts:
    """Estimate contrasts of arms that share seeds.

    Args:
        scores: shape [..., seeds, arms], at least two seeds.
        weights: shape [contrasts, arms]; every row sums to 0.
        shared: whether all arms vary alike about their seed's mean: the error is then that of the
            two-way table without interaction, with (arms - 1)(seeds - 1) degrees of freedom.
            Otherwise each contrast's own standard deviation over seeds, with seeds - 1.

    Example:
        >>> scores = np.array([[1.0, 2.0, 4.0], [2.0, 2.0, 5.0], [3.0, 5.0, 6.0]])
        >>> found = of_blocks(scores, np.array([[-1.0, 0.0, 1.0]]), shared=True)
        >>> found.estimates.tolist(), round(float(found.errors[0]), 3), float(found.freedom)
        ([3.0], 0.471, 4.0)
    """
    seeds, arms = scores.shape[-2:]
    values = scores @ weights.T
    rounding = ROUNDING * np.abs(scores).max(axis=(-2, -1))[..., None]
    if shared:
        centred = scores - scores.mean(-1, keepdims=True) - scores.mean(-2, keepdims=True)
        residuals = centred + scores.mean((-2, -1), keepdims=True)
        freedom = float((arms - 1) * (seeds - 1))
        variance = np.sum(residuals**2, axis=(-2, -1))[..., None] / freedom
        deviations = np.sqrt(variance * np.sum(weights**2, axis=-1))
    else:
        freedom = float(seeds - 1)
        deviations = np.std(values, axis=-2, ddof=1)
    errors = np.where(deviations <= rounding, 0.0, deviations / np.sqrt(seeds))
    return Contrasts(values.mean(axis=-2), errors, np.array(freedom))


def of_samples(samples: Sequence[Array], weights: Array, *, shared: bool) -> Contrasts:
    """Estimate contrasts of arms that have seeds of their own.

    Args:
        samples: scores of each arm, shape [..., n] with n >= 2 of its own.
        weights: shape [contrasts, arms]; every row sums to 0.
        shared: whether all arms have the same variance; otherwise degrees of freedom are
            Satterthwaite's (Welch 1938), which for two arms is Welch's t test.

    Example:
        >>> arms = [np.array([3.0, 5.0]), np.array([1.0, 2.0, 3.0])]
        >>> found = of_samples(arms, np.array([[1.0, -1.0]]), shared=False)
        >>> found.estimates.tolist(), found.freedom.round(2).tolist()
        ([2.0], [1.68])
    """
    sizes = np.array([arm.shape[-1] for arm in samples], dtype=np.float64)
    means = np.stack([arm.mean(axis=-1) for arm in samples], axis=-1)
    variances = np.stack([np.var(arm, axis=-1, ddof=1) for arm in samples], axis=-1)
    scale = np.max([np.abs(arm).max(axis=-1) for arm in samples], axis=0)[..., None]
    variances = np.where(np.sqrt(variances) <= ROUNDING * scale, 0.0, variances)
    if shared:
        freedom = np.array(sizes.sum() - len(samples))
        pooled = np.sum(variances * (sizes - 1), axis=-1, keepdims=True) / freedom
        squares = pooled * np.sum(weights**2 / sizes, axis=-1)
    else:
        parts = (variances / sizes)[..., None, :] * weights**2
        squares = parts.sum(axis=-1)
        freedom = _over(squares**2, np.sum(parts**2 / (sizes - 1), axis=-1))
    return Contrasts(means @ weights.T, np.sqrt(squares), freedom)


class Together(Protocol):
    """How the p-values of several contrasts are adjusted so that they hold together."""

    def adjusted(self, deviates: Array) -> Array:
        """Return two-sided adjusted p-values of deviates of shape [..., contrasts]; 1 of NaN."""
        ...

    def quantile(self, level: float) -> Array:
        """Return how many errors an interval reaches to each side that covers with the others."""
        ...


@dataclass(frozen=True)
class Dunnett:
    """Comparisons with one control by the joint law of their t statistics (Dunnett 1955).

    The statistics correlate by the products of their loadings, so that given the control's mean
    and the spread they are independent: the law is integrated over these two. (scipy's integrates
    by random points, and its p differs in the third digit from call to call.)

    Args:
        loadings: of each comparison: sqrt(n / (n + n of the control)); sqrt(1/2) for blocks.
        freedom: degrees of freedom of the shared spread.

    Example:
        >>> law = Dunnett((0.5**0.5,) * 3, 16.0)
        >>> round(float(law.quantile(0.95)), 2)
        2.59
    """

    loadings: tuple[float, ...]
    freedom: float

    def adjusted(self, deviates: Array) -> Array:
        """Return the chance that the largest of all |t| exceeds each deviate."""
        return _at_least(self._beyond, deviates)

    def quantile(self, level: float) -> Array:
        """Return the quantile of the largest |t|, the same for all."""
        return _root(lambda c: float(self._beyond(np.array([c]))[0]) - (1 - level))

    def _beyond(self, deviates: Array) -> Array:
        z, z_share = _normal_nodes()
        s, s_share = _spread_nodes(self.freedom)
        edge = deviates[:, None, None] * s[:, None]
        inside = np.ones(edge.shape[:2] + z.shape)
        for loading in self.loadings:
            rest = np.sqrt(1 - loading**2)
            inside = inside * (
                scipy.special.ndtr((edge - loading * z) / rest)
                - scipy.special.ndtr((-edge - loading * z) / rest)
            )
        return np.asarray(((1 - inside) @ z_share) @ s_share)


@dataclass(frozen=True)
class Tukey:
    """All pairs by the studentized range (Tukey 1953; Kramer 1956 where arms differ in size).

    Args:
        arms: how many.
        freedom: degrees of freedom of the shared spread.
    """

    arms: int
    freedom: float

    def adjusted(self, deviates: Array) -> Array:
        """Return the chance that the range exceeds each deviate times sqrt(2)."""
        return _at_least(
            lambda t: scipy.stats.studentized_range.sf(np.sqrt(2) * t, self.arms, self.freedom),
            deviates,
        )

    def quantile(self, level: float) -> Array:
        """Return the quantile of the range over sqrt(2), the same for all."""
        found = scipy.stats.studentized_range.ppf(level, self.arms, self.freedom)
        return np.asarray(found / np.sqrt(2))


@dataclass(frozen=True)
class Holm:
    """Any contrasts, each with its own t statistic, corrected by Holm; intervals by Bonferroni.

    Args:
        freedom: degrees of freedom, broadcastable to the deviates.
        contrasts: how many.
    """

    freedom: Array
    contrasts: int

    def adjusted(self, deviates: Array) -> Array:
        """Return Holm's adjusted p-values of two-sided t tests."""
        p = np.minimum(2 * scipy.stats.t.sf(deviates, self.freedom), 1.0)
        return adjust(np.where(np.isnan(p), 1.0, p), "holm")

    def quantile(self, level: float) -> Array:
        """Return Bonferroni's quantile of each t."""
        return np.asarray(scipy.stats.t.isf((1 - level) / (2 * self.contrasts), self.freedom))


def _at_least(beyond: Callable[[Array], Array], deviates: Array) -> Array:
    """Return `beyond` of the deviates, 1 of those not above 0 and of NaN."""
    p = np.ones(deviates.shape)
    positive = deviates > 0
    p[positive] = np.clip(beyond(deviates[positive]), 0.0, 1.0)
    return p


def _root(surplus: Callable[[float], float]) -> Array:
    return np.asarray(scipy.optimize.brentq(surplus, 1e-6, 1e3, xtol=1e-10))


def _over(numerator: Array, errors: Array) -> Array:
    numerator, errors = np.broadcast_arrays(numerator, errors)
    return np.divide(numerator, errors, out=np.full(errors.shape, np.nan), where=errors > 0)


@lru_cache(maxsize=1)
def _normal_nodes() -> tuple[Array, Array]:
    """Return nodes of a standard normal deviate and their probabilities."""
    at, share = np.polynomial.legendre.leggauss(_NODES)
    edge = float(scipy.stats.norm.isf(_TAIL))
    return edge * at, edge * share * scipy.stats.norm.pdf(edge * at)


@lru_cache(maxsize=64)
def _spread_nodes(freedom: float) -> tuple[Array, Array]:
    """Return nodes of an estimated over the true spread, and their probabilities."""
    law = scipy.stats.chi(freedom, scale=freedom**-0.5)
    low, high = law.ppf(_TAIL), law.isf(_TAIL)
    at, share = np.polynomial.legendre.leggauss(_NODES)
    nodes = (high - low) / 2 * at + (high + low) / 2
    return nodes, (high - low) / 2 * share * law.pdf(nodes)
