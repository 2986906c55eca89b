"""When a training levelled off, read from its history."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SETTLED = 0.8
"""A level that is first reached in the last fifth of a history may not be a level at all."""


def epochs_to_plateau(losses: Sequence[float], tolerance: float = 0.02) -> int | None:
    """The first epoch whose loss is within `tolerance` of the whole fall from the lowest one.

    Args:
        losses: one per epoch, less is better; those that are not finite are passed over.
        tolerance: share of the difference between the first and the lowest loss.

    Returns:
        A number of epochs, from 1; None where the loss still fell in the last fifth of the
        history, or never fell.
    """
    finite = [(epoch, loss) for epoch, loss in enumerate(losses, 1) if math.isfinite(loss)]
    if not finite:
        return None
    lowest = min(loss for _, loss in finite)
    fall = finite[0][1] - lowest
    if fall <= 0:
        return None
    reached = next(epoch for epoch, loss in finite if loss <= lowest + tolerance * fall)
    return reached if reached <= _SETTLED * len(losses) else None
