"""What an audit has to say, in words with figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Severity = Literal["error", "warning", "note"]

RULES = {
    "D02": "unattainable p",
    "D03": "underpowered",
    "D05": "best of many",
    "D06": "unequal budgets",
    "D10": "multiplicity",
    "D11": "rows of conditional parameters",
    "D12": "text against sign",
    "D13": "base rate of elites",
    "D14": "bounds by chance",
    "D15": "importances by chance",
    "D16": "adaptive sampling",
    "D17": "inactive parameter",
    "D18": "counted twice",
    "D19": "seed as parameter",
    "D22": "ties and plateaus",
    "D27": "lost configurations",
}
"""Names of the audit's rules; a code is never printed without its name."""

COLUMNS = ("rule", "name", "severity", "parameter", "text")


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        rule: code of the rule, a key of `RULES`.
        severity: `error` where a statement would be wrong, `warning` where it may be, `note` else.
        text: what was found, with its figures, and what follows.
        parameter: that it is about; empty for the whole sweep.
    """

    rule: str
    severity: Severity
    text: str
    parameter: str = ""

    @property
    def name(self) -> str:
        """What the rule is about."""
        return RULES[self.rule]


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Findings as a table, the most severe first."""
    table = pd.DataFrame(
        [{column: getattr(one, column) for column in COLUMNS} for one in findings],
        columns=list(COLUMNS),
    )
    rank = table["severity"].map({"error": 0, "warning": 1, "note": 2})
    order = table.assign(rank=rank).sort_values(["rank", "rule"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def records(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with their columns as attributes; columns have no static types."""
    return iter(table.itertuples(index=False))
