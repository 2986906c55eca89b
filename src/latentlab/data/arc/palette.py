"""ARC tasks in the colours in which everyone shows them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentlab.data.arc.tasks import PADDING

_COLOURS = (
    *("000000", "0074d9", "ff4136", "2ecc40", "ffdc00"),
    *("aaaaaa", "f012be", "ff851b", "7fdbff", "870c25"),
    "ffffff",
)
"""Colour of each token, red, green, blue in hexadecimal digits; padding is white, as the page."""
_TABLE = np.array([list(bytes.fromhex(colour)) for colour in _COLOURS], dtype=np.uint8)

PAIRS = 2
"""Pairs of a task that a picture shows."""


def draw_tasks(features: NDArray[np.uint8], pairs: int = PAIRS) -> NDArray[np.uint8]:
    """Draw the first pairs of each task side by side, inputs above outputs.

    Args:
        features: tokens 0..10, [n, 2 * pairs or more, height, width].
        pairs: pairs to draw, at most.

    Returns:
        One pixel per cell, a pixel of white between grids and two to the right of a task and below
        it: uint8 [n, 2 * height + 3, drawn * (width + 1) + 1, 3].
    """
    margins = ((0, 0), (0, 0), (0, 1), (0, 1))
    framed = np.pad(features[:, : 2 * pairs], margins, constant_values=PADDING)
    n, channels, height, width = framed.shape
    # [n, pair, in/out, y, x] -> [n, in/out, y, pair, x]
    grids = framed.reshape(n, channels // 2, 2, height, width).transpose(0, 2, 3, 1, 4)
    picture = grids.reshape(n, 2 * height, channels // 2 * width)
    picture = np.pad(picture, ((0, 0), (0, 1), (0, 1)), constant_values=PADDING)
    return np.take(_TABLE, picture, axis=0)
