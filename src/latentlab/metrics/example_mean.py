"""A score that is a mean over examples, and still knows their values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor


class ExampleMean(float):
    """A number like any other score, with the values that it is the mean of.

    Attributes:
        values: of the examples, in the order of the data, NaN where the score leaves one out,
            float32 [examples].

    Example:
        >>> score = ExampleMean(0.5, [1.0, 0.0])
        >>> score + 1, score.values.tolist()
        (1.5, [1.0, 0.0])
    """

    values: NDArray[np.float32]

    def __new__(cls, mean: float, values: ArrayLike) -> ExampleMean:
        """Return the mean, which may have been computed in another precision than the values."""
        score = super().__new__(cls, mean)
        score.values = np.asarray(values, dtype=np.float32)
        return score

    @classmethod
    def of(cls, values: Tensor, members: Tensor | None = None) -> ExampleMean:
        """Return the mean of values.

        Args:
            values: of the examples, on any device, [examples].
            members: whether each counts, [examples]; all where there is none.
        """
        if members is None:
            return cls(float(values.mean()), values.cpu())
        return cls(float(values[members].mean()), values.where(members, math.nan).cpu())
