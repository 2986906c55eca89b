"""What to run next: how many more seeds each open claim needs, and how to have them count."""

from __future__ import annotations

import pandas as pd

from latentlab.reporting.document import Section
from latentlab.reporting.formatting import as_text
from latentlab.reporting.verdict_cells import count_text, seeds_missing, verdict_rows

_ARMS = ("treatment", "control")
_HOW = (
    "The range is from a plan with the spread that was seen to one with its upper 80 % limit, each "
    "for 80 % power. Runs that are added to these are a second look. For a confirmatory verdict "
    "register the claims (latentlab register claims.yml), run as many fresh seeds as these and "
    "those together, and judge these alone."
)


def open_claims(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the claims that more runs may decide: claim, arms, runs that are there, how many more.

    Args:
        verdicts: one row per claim.
    """
    rows = [
        {
            "claim": as_text(row.get("hypothesis")),
            "arms": " and ".join(filter(None, (as_text(row.get(k)) for k in _ARMS))),
            "there are": count_text(row),
            "more seeds of each": missing,
        }
        for row in verdict_rows(verdicts)
        if (missing := seeds_missing(row))
    ]
    return pd.DataFrame(rows)


def next_section(claims: pd.DataFrame) -> list[Section]:
    """Return the section of the report on open claims; none where none is open."""
    return [Section("What to run next", [_HOW], table=claims)] if len(claims) else []


def next_sentences(claims: pd.DataFrame) -> list[str]:
    """Say in one sentence how many more seeds each open claim needs; nothing where none is open."""
    if claims.empty:
        return []
    needs = [f"{row['claim']} {row['more seeds of each']}" for row in claims.to_dict("records")]
    return [f"More seeds of each arm that open claims need, for 80 % power: {'; '.join(needs)}."]
