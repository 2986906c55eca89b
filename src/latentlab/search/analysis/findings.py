"""What an analysis has to say about itself, in words with figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

Severity = Literal["error", "warning", "note"]

COLUMNS = ("rule", "severity", "parameter", "text")


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        rule: of the audit's list, such as `D11`.
        severity: `error` where a statement would be wrong, `warning` where it may be, `note` else.
        text: what was found, with its figures, and what follows.
        parameter: that it is about; empty for the whole sweep.
    """

    rule: str
    severity: Severity
    text: str
    parameter: str = ""


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Findings as a table, the most severe first."""
    table = pd.DataFrame([asdict(one) for one in findings], columns=list(COLUMNS))
    rank = table["severity"].map({"error": 0, "warning": 1, "note": 2})
    order = table.assign(rank=rank).sort_values(["rank", "rule"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def p_text(p: float) -> str:
    """A p-value for a sentence: three digits after the point, `below .001` under that."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a sentence; where there are many, the first and how many more."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def records(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with their columns as attributes; columns have no static types."""
    return iter(table.itertuples(index=False))
