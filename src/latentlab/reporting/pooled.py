"""Pooled verdicts as a table: what the problems say together, and each for itself."""

from __future__ import annotations

import math

import pandas as pd

from latentlab.reporting.formatting import MISSING, as_float, as_text, format_p
from latentlab.reporting.verdict_cells import (
    Row,
    effects_by_problem,
    problems_text,
    verdict_rows,
    verdict_table,
)

_SHARED = (
    "hypothesis",
    "verdict",
    "status",
    "effect",
    "boundary",
    "adjusted p (supported)",
    "adjusted p (refuted)",
    "correction",
)


def pooled_table(pooled: pd.DataFrame) -> pd.DataFrame:
    """Return the pooled verdicts for display: one row of text per hypothesis, in their order."""
    rows = verdict_rows(pooled)
    table = verdict_table(pooled)[list(_SHARED)].rename(columns={"effect": "pooled effect"})
    table.insert(3, "by problem", [problems_text(row) or MISSING for row in rows])
    table["problems differ"] = [_heterogeneity_text(row) for row in rows]
    table["n"] = [_counts_text(row) for row in rows]
    return table


def pooled_names(pooled: pd.DataFrame) -> list[str]:
    """Return all problems that some verdict was pooled over, in alphabetic order."""
    return sorted({name for row in verdict_rows(pooled) for name in effects_by_problem(row)})


def left_out_text(pooled: pd.DataFrame) -> str:
    """Say which problems are not pooled, and why; empty where all are."""
    return as_text(pooled["left_out"].iloc[0]) if len(pooled) else ""


def _counts_text(row: Row) -> str:
    counts = [str(own["n"]) for own in effects_by_problem(row).values()]
    return " + ".join(counts) or MISSING


def _heterogeneity_text(row: Row) -> str:
    p, share = as_float(row.get("heterogeneity_p")), as_float(row.get("i_squared"))
    return MISSING if math.isnan(share) else f"p {format_p(p)}, I² {100 * share:.0f} %"
