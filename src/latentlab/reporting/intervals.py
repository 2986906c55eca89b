"""Intervals of a mean over seeds, and of a paired difference: Student's t, nothing else.

With 3 to 30 seeds a percentile bootstrap covers 75 to 93 % where it promises 95; the t interval
keeps its promise for all but wildly skewed scores. With one seed there is no interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class MeanInterval:
    """A mean with its two-sided t interval.

    Args:
        mean: arithmetic mean; NaN without values.
        low: lower end; NaN for fewer than two values.
        high: upper end; NaN for fewer than two values.
        n: number of finite values used.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside of the interval; False where there is no interval."""
        return self.low > 0 or self.high < 0


def mean_interval(values: ArrayLike, level: float = 0.95) -> MeanInterval:
    """Mean of the finite values and its t interval.

    Args:
        values: `[n]`, one value per seed; NaN and infinities are left out and not counted.
        level: coverage of the interval.
    """
    finite = _finite(values)
    n = finite.size
    if n == 0:
        return MeanInterval(math.nan, math.nan, math.nan, 0)
    mean = float(finite.mean())
    if n == 1:
        return MeanInterval(mean, math.nan, math.nan, 1)
    half = t_quantile(level, n - 1) * float(finite.std(ddof=1)) / math.sqrt(n)
    return MeanInterval(mean, mean - half, mean + half, n)


@lru_cache(maxsize=1024)
def t_quantile(level: float, degrees: int) -> float:
    """Two-sided quantile of Student's t: the half-width in standard errors."""
    from scipy.stats import t  # half a second: only a report with intervals pays it

    return float(t.ppf(0.5 + level / 2, degrees))


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]
