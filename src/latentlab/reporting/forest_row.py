"""One verdict as a small picture: effect, interval, zero, boundary, and where the claim holds.

Effects have different units, so every row has a scale of its own; zero stands in the middle of all
of them, so that the side on which an effect lies can be compared down the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentlab.reporting.formatting import as_float, as_text
from latentlab.reporting.verdict_cells import (
    Row,
    boundaries,
    boundary_text,
    contrasts,
    effect_text,
    interval_label,
    verdict_class,
)

_MIDDLE, _REACH = 50.0, 44.0
"""Where zero stands, and how far from it the most distant number, in per cent of the width."""


@dataclass(frozen=True)
class ForestRow:
    """Places from left to right, in per cent of the width.

    Attributes:
        verdict: its colour and symbol.
        effect: the point.
        interval: its ends, at the edge where they are infinite; none where it is unknown.
        is_open: whether the lower and the upper end are infinite.
        boundaries: of the claim.
        claimed: where it holds, as (place, width).
        said: the picture in words.
    """

    verdict: str
    effect: float
    interval: tuple[float, float] | None
    is_open: tuple[bool, bool]
    boundaries: tuple[float, ...]
    claimed: tuple[tuple[float, float], ...]
    said: str


def forest_row(row: Row) -> ForestRow | None:
    """Place the numbers of a verdict; None where no effect could be estimated."""
    effect, bounds = as_float(row.get("effect")), boundaries(row)
    if not math.isfinite(effect):
        return None
    low, high = as_float(row.get("interval_low")), as_float(row.get("interval_high"))
    finite = [abs(value) for value in (effect, low, high, *bounds) if math.isfinite(value)]
    unit = _REACH / (max(finite) or 1.0)

    def place(value: float) -> float:
        return round(min(max(_MIDDLE + unit * value, 0.0), 100.0), 2)

    return ForestRow(
        verdict_class(row),
        place(effect),
        None if math.isnan(low) or math.isnan(high) else (place(low), place(high)),
        (math.isinf(low), math.isinf(high)),
        tuple(place(bound) for bound in bounds),
        tuple(
            (place(start), round(place(end) - place(start), 2))
            for start, end in claimed_ranges(row)
        ),
        f"Effect {effect_text(row)}, {interval_label(row)}; the claim holds {boundary_text(row)}.",
    )


def claimed_ranges(row: Row) -> list[tuple[float, float]]:
    """Return the ranges of the effect in which the claim holds; none where nothing bounds it."""
    bounds = boundaries(row)
    if not bounds:
        return []
    if as_text(row.get("comparison")) == "difference":
        return [(-math.inf, bounds[0]), (bounds[-1], math.inf)]
    return [(bounds[0], bounds[1] if len(bounds) == 2 else math.inf)]


def common_interval(rows: Sequence[Row]) -> str:
    """Return the label of the intervals, with their level where all verdicts share one."""
    alone = [row for row in rows if not contrasts(row)]
    labels = {interval_label(row) for row in alone if as_text(row.get("interval_level"))}
    return labels.pop() if len(labels) == 1 else "unadjusted interval"
