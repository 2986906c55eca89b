"""The mean of a table seeds x examples, of which both are samples: other seeds, other examples.

d[s, e] = mu + a[s] + b[e] + c[s, e] with independent effects of variances v_a, v_b, v_c, so that
Var(mean) = v_a / S + v_b / E + v_c / (S E). The mean squares of the two-way analysis of variance
estimate it; a negative component is 0 (Searle, Casella & McCulloch 1992, ch. 4).

The variance rests on the S - 1 degrees of freedom of the seeds and the E - 1 of the examples.
Satterthwaite's approximate degrees of freedom, computed from the same mean squares, are too many
where the seeds happen to vary little: with five seeds a one-sided test at .0125, as a family of
four needs, errs in up to .017. The tail probability here is the mean of those of both t laws,
weighted with the parts of the variance (as Cochran & Cox 1957 weigh quantiles);
the seeds' weight is the whole of their mean square, interaction included. Levels then hold for any
number of seeds, at the price of intervals that are up to a seventh wider.

Examples that belong together (texts of one picture, visits of one patient) are no sample of so
many; their groups are. Of G groups of n_g examples, E together, the deviation of an example's mean
becomes that of the group's total, G/E (sum of the group's examples - n_g mean): the ratio estimator
(Cochran 1977, ch. 6). It is enlarged by (1 - 1/G) / (1 - n_g/E), which is the jackknife over groups
(Bell & McCaffrey 2002), and the degrees of freedom are those of E^2 / sum n_g^2 groups of equal
size (Kish 1965; Carter, Schnepel & Steigerwald 2017), without either of which unequal groups
err too often. The mean stays the one over examples; groups of one example change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from latentlab.core.arrays import AnyArray, Array
from latentlab.statistics.intervals import Interval, t_quantile
from latentlab.statistics.location import ROUNDING
from latentlab.statistics.rearranging import Alternative


@dataclass(frozen=True)
class TwoWayMean:
    """A mean over seeds and examples, and how exactly it is known. Arrays have shape [...].

    The mean squares are divided by S E: each is the variance of the mean that they would give if
    all variation were of their kind. Their expectations are v_a / S + v_c / (S E) of `row`,
    v_b / E + v_c / (S E) of `column`, and v_c / (S E) of `residual`.

    Attributes:
        mean: the mean.
        row: mean square of the seeds' means.
        column: mean square of the examples' means.
        residual: mean square of what is left.
        seeds: S.
        examples: E; of groups, the number of equal ones that they count for.
    """

    mean: Array
    row: Array
    column: Array
    residual: Array
    seeds: int
    examples: float

    @property
    def of_seeds(self) -> Array:
        """The part of the variance that more seeds lessen: v_a / S + v_c / (S E)."""
        return np.maximum(self.row, self.residual)

    @property
    def of_examples(self) -> Array:
        """The part that they do not: v_b / E."""
        return np.maximum(self.column - self.residual, 0.0)

    @property
    def few(self) -> Array:
        """Share of the variance that is known with the seeds' degrees of freedom, in [0, 1]."""
        total = self.of_seeds + self.of_examples
        return np.divide(self.row, total, out=np.ones_like(total), where=total > 0)

    @property
    def error(self) -> Array:
        """The standard error; 0 where nothing varies."""
        return np.asarray(np.sqrt(self.of_seeds + self.of_examples))

    @property
    def examples_share(self) -> Array:
        """The examples' part of the variance, in [0, 1]; NaN where nothing varies."""
        total = self.of_seeds + self.of_examples
        return np.divide(self.of_examples, total, out=np.full_like(total, np.nan), where=total > 0)

    @property
    def freedom(self) -> Array:
        """Degrees of freedom of about the same tails, for plans: between S - 1 and E - 1."""
        return np.asarray(1 / (self.few / (self.seeds - 1) + (1 - self.few) / (self.examples - 1)))

    def p(self, alternative: Alternative) -> Array:
        """One-sided p-value that the mean is above ("greater") or below ("less") 0.

        NaN where nothing varies.
        """
        t = np.divide(
            self.mean, self.error, out=np.full_like(self.error, np.nan), where=self.error > 0
        )
        return self._tail(t if alternative == "greater" else -t)

    def interval(self, level: float) -> Interval:
        """Interval of one table's mean, which the test agrees with; a point if nothing varies."""
        half = float(self.error) * self._quantile(level)
        return float(self.mean) - half, float(self.mean) + half

    def narrowest(self, level: float) -> float:
        """Half of the width that the interval of one table keeps with any number of seeds."""
        return float(np.sqrt(self.of_examples)) * t_quantile(level, self.examples - 1)

    def with_seeds(self, seeds: int, factor: float) -> TwoWayMean:
        """Return what another number of seeds would give, for plans.

        Args:
            seeds: at least 2.
            factor: of the seeds' standard deviation, which is known from few.
        """
        scale = factor**2 * self.seeds / seeds
        row, residual = self.row * scale, self.residual * scale
        return replace(
            self, row=row, column=self.of_examples + residual, residual=residual, seeds=seeds
        )

    def _tail(self, t: Array) -> Array:
        of_seeds = scipy.stats.t.sf(t, self.seeds - 1)
        of_examples = scipy.stats.t.sf(t, self.examples - 1)
        return np.asarray(self.few * of_seeds + (1 - self.few) * of_examples)

    def _quantile(self, level: float) -> float:
        low, high = sorted(t_quantile(level, n - 1) for n in (self.seeds, self.examples))
        tail = (1 - level) / 2

        def beyond(t: float) -> float:
            return float(self._tail(np.array(t))) - tail

        # A little wider than both laws: the root may be that of either.
        return float(scipy.optimize.brentq(beyond, 0.999 * low, 1.001 * high))


def two_way_mean(treatment: Array, control: Array, groups: AnyArray | None = None) -> TwoWayMean:
    """Return the mean of treatment - control over seeds and examples.

    Args:
        treatment: shape [..., seeds, examples], at least two of each.
        control: the same seeds and examples.
        groups: integers; examples of one number belong together, at least two numbers, [examples].
            None: each is on its own.

    Example:
        >>> table = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 7.0]])
        >>> found = two_way_mean(table, np.zeros((2, 3)))
        >>> float(found.mean), round(float(found.of_seeds), 3), round(float(found.of_examples), 3)
        (3.0, 1.0, 0.833)
    """
    table = treatment - control
    seeds, examples = table.shape[-2:]
    mean = table.mean(axis=(-2, -1))
    rows = table.mean(axis=-1) - mean[..., None]
    totals, sizes = (table, np.ones(examples)) if groups is None else _by_group(table, groups)
    count = len(sizes)
    scale = count / examples * ((1 - 1 / count) / (1 - sizes / examples))
    columns = scale * (totals.mean(axis=-2) - sizes * mean[..., None])
    rest = totals - sizes * mean[..., None, None] - sizes * rows[..., :, None]
    rest = scale * rest - columns[..., None, :]
    squares = (
        np.sum(rows**2, axis=-1) / (seeds * (seeds - 1)),
        np.sum(columns**2, axis=-1) / (count * (count - 1)),
        np.sum(rest**2, axis=(-2, -1)) / (seeds * (seeds - 1) * count * (count - 1)),
    )
    # What varies by rounding alone does not vary.
    largest = np.maximum(np.abs(treatment).max(axis=(-2, -1)), np.abs(control).max(axis=(-2, -1)))
    flat = sum(squares) <= (ROUNDING * largest) ** 2
    row, column, residual = (np.where(flat, 0.0, one) for one in squares)
    return TwoWayMean(mean, row, column, residual, seeds, equal_groups(sizes))


def equal_groups(sizes: AnyArray) -> float:
    """Return how many groups of equal size count for as much as groups of these sizes, [groups].

    Example:
        >>> equal_groups(np.array([3, 3, 3])), equal_groups(np.array([5, 1]))
        (3.0, 1.3846153846153846)
    """
    return float(sizes.sum() ** 2 / np.sum(sizes**2))


def _by_group(table: Array, groups: AnyArray) -> tuple[Array, AnyArray]:
    """Return the totals of groups of examples, [..., seeds, groups], and their sizes, [groups]."""
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    return np.add.reduceat(table[..., order], starts, axis=-1), sizes
