"""Logarithmic axes with ticks that can be read: plotly's own lack numbers over a short range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_LONG = 1.2
"""Powers of ten from which ticks stand at equal ratios; over a shorter range at equal steps."""
_MOST = 7


def log_axis(values: ArrayLike) -> dict[str, Any]:
    """Settings of a logarithmic axis that shows these values.

    Args:
        values: of any shape; those that are not positive and finite cannot be shown.
    """
    numbers = np.asarray(values, dtype=float).ravel()
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    if not numbers.size:
        return {"type": "log"}
    low, high = np.log10(numbers.min()), np.log10(numbers.max())
    pad = max(0.06 * (high - low), 0.02)
    low, high = float(low - pad), float(high + pad)
    ticks = _ratios(low, high) if high - low > _LONG else _steps(10**low, 10**high)
    return {
        "type": "log",
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }


def _ratios(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, or only the powers where these are too many."""
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        every = [float(f"{factor}e{power}") for power in powers for factor in factors]
        ticks = [tick for tick in every if low <= np.log10(tick) <= high]
        if len(ticks) <= _MOST:
            return ticks
    return ticks[:: -(-len(ticks) // _MOST)]


def _steps(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten: three at least, seven at most."""
    rough = (high - low) / _MOST
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [float(f"{place * step:.6g}") for place in range(first, last + 1)]
