"""Values of a table's cells as Python has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latentlab.search.parameters import Scalar


def cell_value(value: Any) -> Scalar:
    """Return a value of a column as Python has it: whole numbers as int, missing as None.

    >>> cell_value(8.0), cell_value(0.5), cell_value(float("nan"))
    (8, 0.5, None)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value
