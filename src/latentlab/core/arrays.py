"""Types of numpy arrays, by what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
"""Real numbers."""
Mask = npt.NDArray[np.bool_]
"""Which entries are meant."""
Codes = npt.NDArray[np.intp]
"""Numbers of groups or of choices."""
AnyArray = npt.NDArray[Any]
"""Numbers of any kind: pictures, codes, counts."""
