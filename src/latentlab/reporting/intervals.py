"""A mean over seeds, or of a paired difference, with its interval: what tables and figures show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from latentlab.statistics.intervals import mean_interval


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

    @classmethod
    def of(cls, values: ArrayLike, level: float = 0.95) -> Self:
        """Compute it of the finite values.

        Args:
            values: `[n]`, one value per seed; NaN and infinities are left out and not counted.
            level: coverage of the interval.
        """
        array = np.asarray(values, dtype=np.float64).ravel()
        finite = array[np.isfinite(array)]
        mean = float(finite.mean()) if finite.size else math.nan
        return cls(mean, *mean_interval(finite, level), finite.size)

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside of the interval; False where there is no interval."""
        return self.low > 0 or self.high < 0
