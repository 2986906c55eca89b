"""Which of the values that a run logged of one metric counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from latentlab.core.errors import UserError
from latentlab.metrics.metric import Better
from latentlab.runs.metric_names import better_of
from latentlab.runs.setting_names import setting

Pick = Callable[[Sequence[float], Sequence[float]], float]
"""Steps and values in the order they were logged, at least one -> the value that counts; missing
where there is none."""


def pick_of(
    metric: str, value: Literal["last", "best"] | int, better: Better | None, block: str
) -> Pick:
    """Return what picks the value of a metric.

    The last value is that of the highest step, of equal steps the one that was logged last, as
    MLflow has it. A step at which nothing was logged has no value.

    Args:
        metric: its name, which may say which way it is better.
        value: which one counts.
        better: which way it is better, where that is said.
        block: of the parameters, for messages.

    Raises:
        UserError: the best one is asked for, and nobody knows which way that is.
    """
    if value == "last":
        return lambda steps, values: values[_last(steps)]
    if value == "best":
        direction = better or better_of(metric)
        if direction not in ("higher", "lower"):
            key, *ends = _DIRECTIONS[block]
            raise UserError(
                f"{setting('value', block=block)}: which {metric} is the best, the highest or the "
                "lowest?",
                f"Say it: {' or '.join(setting(key, end, block) for end in ends)}.",
            )
        best = np.nanmax if direction == "higher" else np.nanmin
        return lambda _, values: np.nan if np.isnan(values).all() else float(best(values))
    step = int(value)

    def at_step(steps: Sequence[float], values: Sequence[float]) -> float:
        there = [v for s, v in zip(steps, values, strict=True) if s == step]
        return there[-1] if there else np.nan

    return at_step


_DIRECTIONS = {
    "evidence": ("better", "higher", "lower"),
    "analysis": ("direction", "maximize", "minimize"),
}


def _last(steps: Sequence[float]) -> int:
    """Index of the highest step, of equal ones the last."""
    return len(steps) - 1 - int(np.argmax(np.asarray(steps)[::-1]))
