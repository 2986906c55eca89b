"""What MLflow shows first of a run: its question and its verdicts."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from latentlab.reporting.markdown import escape_markdown, markdown_table
from latentlab.reporting.verdict_cells import claim_text, effect_text, verdict_rows

LONGEST = 5000
"""Characters of a tag that every store takes."""


def run_description(question: str, verdicts: pd.DataFrame, links: Mapping[str, str]) -> str:
    """Write the description of a run as Markdown; claims that do not fit are counted.

    Args:
        question: what the study asks; may be empty.
        verdicts: the table of verdicts.
        links: what else can be looked at, and its address.
    """
    table = pd.DataFrame(
        [
            {
                "verdict": str(row["verdict"]).replace("_", " "),
                "claim": claim_text(row),
                "effect": effect_text(row),
                "status": row["status"],
            }
            for row in verdict_rows(verdicts)
        ]
    )
    for shown in range(len(table), -1, -1):
        more = len(table) - shown
        parts = [
            escape_markdown(question),
            # Above the table, which MLflow's pages fold.
            " · ".join(f"[{name}]({address})" for name, address in links.items()),
            markdown_table(table.head(shown)),
            f"{more} more claims are in the report." if more else "",
        ]
        text = "\n\n".join(filter(None, parts))
        if len(text) <= LONGEST:
            break
    return text[:LONGEST]
