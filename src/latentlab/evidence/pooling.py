"""The mean effect over several problems: a fixed-effect, stratified analysis of paired scores.

Every problem is a stratum with paired differences of its own. The pooled effect is the mean of the
strata's means with equal weights, since the question is about these problems and not about how
many seeds each happened to get; its error comes from the variances within the strata. It speaks of
retraining on these very problems, not of problems that were not run.

Of a metric on a log scale the logarithms are averaged. Any other is averaged as it stands, and the
problem in which it is largest dominates.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy

from latentlab.core.arrays import Array
from latentlab.evidence.assessment import Assessment, Level, SeedsNeeded
from latentlab.evidence.decisions import Comparison
from latentlab.evidence.planning import plan
from latentlab.statistics.intervals import Interval, t_quantile
from latentlab.statistics.location import is_flat, scale_of
from latentlab.statistics.rearranging import Alternative

UNLIKE = 0.1
"""Problems count as unlike at this p-value: the test of heterogeneity has little power."""


@dataclass(frozen=True)
class StratifiedMean:
    """The mean of the strata's mean differences, and how exactly it is known.

    Attributes:
        effects: mean difference of each stratum, shape [..., strata].
        errors: their standard errors, same shape; 0 where a stratum's differences do not vary.
        sizes: pairs of each stratum, shape [strata].
    """

    effects: Array
    errors: Array
    sizes: Array

    @property
    def mean(self) -> Array:
        """The pooled effect, shape [...]."""
        return np.asarray(self.effects.mean(axis=-1))

    @property
    def error(self) -> Array:
        """Its standard error, shape [...]."""
        return np.asarray(np.sqrt(np.sum(self.errors**2, axis=-1)) / self.effects.shape[-1])

    @property
    def freedom(self) -> Array:
        """Satterthwaite's degrees of freedom (Satterthwaite 1946), shape [...].

        Between the smallest n - 1 and the sum of all n - 1; NaN where no stratum varies.
        """
        variances = self.errors**2
        within = np.sum(variances**2 / (self.sizes - 1), axis=-1)
        total = np.sum(variances, axis=-1) ** 2
        return np.divide(total, within, out=np.full_like(total, np.nan), where=within > 0)

    def p(self, alternative: Alternative) -> Array:
        """One-sided p-value that the pooled effect is above ("greater") or below ("less") 0.

        With one stratum it is that of the paired t test. NaN where no stratum varies.
        """
        known = self.error > 0
        t = np.divide(self.mean, self.error, out=np.full_like(self.mean, np.nan), where=known)
        return np.asarray(scipy.stats.t.sf(t if alternative == "greater" else -t, self.freedom))

    def interval(self, level: float) -> Interval:
        """Student's t interval of one study's pooled effect; a point where no stratum varies."""
        if not self.error > 0:
            return float(self.mean), float(self.mean)
        half = float(self.error) * t_quantile(level, float(self.freedom))
        return float(self.mean) - half, float(self.mean) + half


def stratified_mean(treatment: Sequence[Array], control: Sequence[Array]) -> StratifiedMean:
    """Pool paired differences treatment - control over strata.

    Args:
        treatment: scores of each stratum, shape [..., n] with n >= 2 of its own.
        control: the same seeds' scores, same shapes.

    Example:
        >>> small, large = np.array([1.0, 2.0, 3.0]), np.array([6.0, 8.0])
        >>> pooled = stratified_mean([small, large], [np.zeros(3), np.zeros(2)])
        >>> float(pooled.mean), round(float(pooled.error), 3)
        (4.5, 0.577)
    """
    effects, errors = [], []
    for x, y in zip(treatment, control, strict=True):
        differences = x - y
        effects.append(differences.mean(axis=-1))
        error = np.std(differences, axis=-1, ddof=1) / np.sqrt(x.shape[-1])
        errors.append(np.where(is_flat(differences, scale_of(x, y)), 0.0, error))
    sizes = np.array([x.shape[-1] for x in treatment], dtype=np.float64)
    return StratifiedMean(np.stack(effects, axis=-1), np.stack(errors, axis=-1), sizes)


@dataclass(frozen=True)
class Heterogeneity:
    """Whether the strata's effects differ by more than their errors explain.

    Attributes:
        q: Cochran's Q, about strata - 1 where all effects are equal.
        p: its p-value.
        i_squared: share of the effects' variation that is not error, in [0, 1] (Higgins &
            Thompson 2002).
    """

    q: float
    p: float
    i_squared: float

    @property
    def unlike(self) -> bool | None:
        """Whether the strata are told apart; None where that cannot be said."""
        return None if np.isnan(self.p) else self.p <= UNLIKE


def heterogeneity(pooled: StratifiedMean) -> Heterogeneity:
    """Test with Cochran's Q whether the strata of one study differ, with Welch's p-value.

    Q weights every effect with its estimated precision. Its usual chi-squared reference takes
    these for known and finds differences too often with few seeds; Welch's F (Welch 1951) allows
    for their estimation. With two strata it is Welch's t test.

    Args:
        pooled: effects and errors of shape [strata].

    Returns:
        Q, p and I²; NaN of one stratum, and where a stratum's differences do not vary.

    Example:
        >>> strata = [np.array([1.0, 2.0, 3.0]), np.array([6.0, 8.0])]
        >>> round(heterogeneity(stratified_mean(strata, [np.zeros(3), np.zeros(2)])).q, 2)
        18.75
    """
    strata = len(pooled.effects)
    if strata < 2 or not np.all(pooled.errors > 0):
        return Heterogeneity(np.nan, np.nan, np.nan)
    weights = pooled.errors**-2.0
    share = weights / weights.sum()
    q = float(np.sum(weights * (pooled.effects - share @ pooled.effects) ** 2))
    estimated = float(np.sum((1 - share) ** 2 / (pooled.sizes - 1)))
    f = q / (strata - 1) / (1 + 2 * (strata - 2) / (strata**2 - 1) * estimated)
    p = scipy.stats.f.sf(f, strata - 1, (strata**2 - 1) / (3 * estimated))
    return Heterogeneity(q, float(p), max(0.0, 1 - (strata - 1) / q) if q > 0 else 0.0)


@dataclass(frozen=True)
class ProblemEffect:
    """The effect in one problem, in units of the pooled effect.

    Attributes:
        n: its seeds.
        effect: turned as the pooled one.
        low: end of its unadjusted interval.
        high: its other end.
    """

    n: int
    effect: float
    low: float
    high: float


@dataclass(frozen=True)
class PooledAssessment:
    """The statistics of one hypothesis over several problems, and what they were pooled from.

    Args:
        assessment: what is decided on.
        strata: the problems' effects, which are equal where the problems are alike; none where
            nothing is averaged.
        problems: problem -> its effect.
        mean_ranks: arm -> its mean rank over problems, of a claim about ranks.
    """

    assessment: Assessment
    strata: StratifiedMean | None
    problems: Mapping[str, ProblemEffect]
    mean_ranks: Mapping[str, float] = field(default_factory=dict)

    def columns(self) -> dict[str, object]:
        """Return what the table of pooled verdicts has beside the columns of any verdict."""
        nothing = Heterogeneity(math.nan, math.nan, math.nan)
        spread = nothing if self.strata is None else heterogeneity(self.strata)
        return {
            "problems": json.dumps({name: vars(own) for name, own in self.problems.items()}),
            "heterogeneity_q": spread.q,
            "heterogeneity_p": spread.p,
            "i_squared": spread.i_squared,
            "problems_differ": spread.unlike,
            "mean_ranks": json.dumps(self.mean_ranks),
        }


def plan_pooled(
    comparison: Comparison, pooled: StratifiedMean, boundary: float, n: int, level: Level
) -> tuple[float, SeedsNeeded | None]:
    """Return the detectable effect, and the seeds that each problem would need.

    The pooled test is a t test of `freedom + 1` pairs whose mean has the pooled error.

    Args:
        comparison: how the claim compares.
        pooled: the effect less the boundary (for equivalence the effect itself).
        boundary: minimum effect or margin.
        n: seeds of each problem.
        level: what to plan with.
    """
    if not pooled.error > 0:
        return math.nan, None
    pairs = float(pooled.freedom) + 1
    spread = float(pooled.error) * math.sqrt(pairs)
    offset = float(pooled.mean)
    detectable, needed = plan(comparison, pairs, spread, offset, boundary, level, paired=True)
    if needed is None:
        return detectable, None
    # Less a rounding error, which must not cost a seed.
    likely, upper = (math.ceil(k * n / pairs - 1e-9) for k in (needed.likely, needed.upper))
    return detectable, SeedsNeeded(likely, upper).at_least(level.min_seeds)


def mean_of_means(strata: Sequence[Array]) -> float:
    """Return the mean of the strata's means, with equal weights.

    Example:
        >>> mean_of_means([np.array([1.0, 3.0]), np.array([6.0])])
        4.0
    """
    return float(np.mean([np.mean(own) for own in strata]))
