"""Labels for data whose examples are described by a number and not by a class: its quartile band.

Stratifying by them keeps the splits alike, and a preview has one row per band.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quartile_labels(
    values: NDArray[np.float64], name: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Which quarter of all values each one lies in.

    Args:
        values: one number per example, [n].
        name: what they are.

    Returns:
        Band numbers [n], and for each band its name with the lowest and the highest value in it.
        Equal values share a band, so there may be fewer than four.
    """
    edges = np.quantile(values, (0.25, 0.5, 0.75))
    bands = np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)[1]
    members = [values[bands == band] for band in range(bands.max() + 1)]
    return bands.astype(np.int64), tuple(f"{name} {m.min():.2f}-{m.max():.2f}" for m in members)
