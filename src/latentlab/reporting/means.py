"""The means of arms as a small heat table: shaded by how far each lies from the control.

Shades and marks say different things. A shade is the size of the paired difference in its standard
deviations, whatever the seeds can show of it; a mark stands where its unadjusted interval excludes
zero. Neither is a tested claim.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from latentlab.reporting.cells import Cell
from latentlab.reporting.formatting import (
    as_text,
    estimate_parts,
    format_declared,
    format_share,
    plural,
)
from latentlab.reporting.tables import arm_order, difference_text, metric_note

STEPS = (0.5, 1.0, 2.0)
"""Standard deviations of the paired differences at which the shade deepens."""
_MARKS = {"better": "▲", "worse": "▼", "": "≠"}


def means_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the means for display: metrics by arms, or turned where that is narrower.

    A cell holds the mean, its interval and the number of seeds: "0.823 [0.811, 0.836] (n = 10)",
    the shade of its difference from the control, and all of it in words.

    Args:
        comparison: result of `comparison_table`.
    """
    control = comparison.loc[comparison["is_control"].astype(bool), "arm"].iloc[0]
    arms = {arm: Cell(arm, ("control",) if arm == control else ()) for arm in arm_order(comparison)}
    metrics: dict[str, Cell] = {}
    cells: dict[tuple[str, str], Cell] = {}
    for row in comparison.to_dict("records"):
        metrics[row["metric"]] = Cell(row["metric"], (metric_note(row),))
        cells[row["metric"], row["arm"]] = mean_cell(row, control)
    if len(arms) <= len(metrics):
        rows = [
            {"Metric": metric, **{arm: cells[name, key] for key, arm in arms.items()}}
            for name, metric in metrics.items()
        ]
    else:
        rows = [
            {"Arm": arm, **{metric: cells[name, key] for name, metric in metrics.items()}}
            for key, arm in arms.items()
        ]
    return pd.DataFrame(rows)


def shade_legend() -> list[Cell]:
    """Every shade with what it says, from much worse to much better."""
    bounds = [format_declared(step) for step in STEPS]
    spans = [f"{low} to {high}" for low, high in itertools.pairwise(bounds)]
    spans.append(f"over {bounds[-1]}")
    deeper = [(side, i + 1, span) for side in ("worse", "better") for i, span in enumerate(spans)]
    shades = [Cell(f"{span} SD {side}", shade=f"{side}-{i}") for side, i, span in deeper]
    return [*reversed(shades[: len(STEPS)]), Cell(f"within {bounds[0]} SD"), *shades[len(STEPS) :]]


def mean_cell(row: Mapping[Hashable, Any], control: str) -> Cell:
    """One row of the comparison as a cell; with one seed there is no interval."""
    if not row["n"]:
        return Cell("no values")
    mean, interval = estimate_parts(row["mean"], row["mean_low"], row["mean_high"])
    details = tuple(part for part in (interval, f"n = {row['n']}") if part)
    said = [f"{row['arm']}, {row['metric']}: {' '.join([mean, interval]).strip()}, n = {row['n']}"]
    if row["diverged"]:
        said.append(f"{row['diverged']} diverged")
    side = _side(row)
    if row["pairs"]:
        level = format_share(row["level"])
        said.append(
            f"difference from {control} {difference_text(row)} (unadjusted {level} interval) over "
            f"{plural(row['pairs'], 'pair')}"
        )
    if as_text(row["note"]):
        mean = f"{mean} {_MARKS[side]}"
    return Cell(mean, details, shade=_shade(row, side), hover="; ".join(said))


def _side(row: Mapping[Hashable, Any]) -> str:
    if row["better"] == "none":
        return ""
    return "better" if (row["difference"] > 0) == (row["better"] == "higher") else "worse"


def _shade(row: Mapping[Hashable, Any], side: str) -> str:
    if not side or not row["pairs"] or row["difference"] == 0:
        return ""
    size = abs(row["standardised"])
    # Differences without any spread are as large as can be; one pair has no size.
    if math.isnan(size):
        size = math.inf if row["pairs"] > 1 else 0.0
    step = sum(size >= bound for bound in STEPS)
    return f"{side}-{step}" if step else ""
