"""What a metric is: everything that judges or draws one reads this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Metric:
    """One measured quantity of a trial.

    Args:
        name: the exact name in the table of scores and in MLflow.
        better: which direction is better; `none` for a quantity that has no better direction.
        unit: the unit in words ("nats per example", "share", "seconds").
        low: smallest possible value.
        high: largest possible value.
        definition: one sentence that says what is computed.
        source: the paper or report that the definition comes from.
        scale: `log` for a positive quantity that is compared by ratios (a time, a variance, a
            squared error), whose scatter grows with its size: claims are then about the ratio of
            geometric means.
        per_example: whether it is a mean over examples, whose values are kept (`ExampleMean`).
    """

    name: str
    better: Better | Literal["none"]
    unit: str
    definition: str
    low: float = float("-inf")
    high: float = float("inf")
    source: str = ""
    scale: Scale = "linear"
    per_example: bool = False
