"""Which problems verdicts are pooled over, with how many seeds, and which are left out."""

from __future__ import annotations

import pandas as pd

from latentlab.reporting.formatting import as_text
from latentlab.reporting.verdict_cells import Row, effects_by_problem, verdict_rows


def pooled_facts(row: Row) -> dict[str, object]:
    """How many seeds each problem has, by name of the fact; nothing where there are no problems."""
    counts = {name: own["n"] for name, own in effects_by_problem(row).items()}
    said = ", ".join(f"{name} {n}" for name, n in counts.items())
    return {"n of each problem": said} if said else {}


def pooled_names(pooled: pd.DataFrame) -> list[str]:
    """Return all problems that some verdict was pooled over, in alphabetic order."""
    return sorted({name for row in verdict_rows(pooled) for name in effects_by_problem(row)})


def left_out_text(pooled: pd.DataFrame) -> str:
    """Say which problems are not pooled, and why; empty where all are."""
    return as_text(pooled["left_out"].iloc[0]) if len(pooled) else ""
