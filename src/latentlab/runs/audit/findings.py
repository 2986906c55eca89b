"""What an audit has to say, in words with figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from latentlab.reporting.document import Section
from latentlab.runs.audit.rules import RULES

Severity = Literal["error", "warning", "note"]

COLUMNS = ("rule", "name", "severity", "about", "rows", "text", "remedy")


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        rule: code of the rule, a key of `RULES`.
        severity: `error` where a statement would be wrong, `warning` where it may be, `note` else.
        text: what was found, with its figures, and what follows.
        about: the parameter, metric, arm or claim that it is about; empty for the whole.
        rows: the runs that it is about, as the source names or counts them; empty for all.
        remedy: what would mend it, as a command where there is one; empty where nothing can.
    """

    rule: str
    severity: Severity
    text: str
    about: str = ""
    rows: str = ""
    remedy: str = ""

    @property
    def name(self) -> str:
        """What the rule is about."""
        return RULES[self.rule].name


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Findings as a table, the most severe first."""
    table = pd.DataFrame(
        [{column: getattr(one, column) for column in COLUMNS} for one in findings],
        columns=list(COLUMNS),
    )
    rank = table["severity"].map({"error": 0, "warning": 1, "note": 2})
    order = table.assign(rank=rank).sort_values(["rank", "rule"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def findings_section(findings: Sequence[Finding]) -> Section:
    """Findings as a section of a report; columns that none of them needs are left out."""
    table = findings_table(findings)
    used = [name for name in COLUMNS if name in ("rule", "name") or (table[name] != "").any()]
    return Section("What to beware of", table=table[used])


def records(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with their columns as attributes; columns have no static types."""
    return iter(table.itertuples(index=False))
