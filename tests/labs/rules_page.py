"""The page of rules as they have it themselves: `cd tests && python -m labs.rules_page`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from labs.flawed_files import FLAWS
from labs.flawed_runs import Flawed, findings_of, fitting
from labs.project_copies import CHECKOUT
from latentlab.runs.audit.registry import CHECKS
from latentlab.runs.audit.rules import RULES

_ELSEWHERE = {
    "D11": "sweeps and printed reports",
    "D12": "printed reports",
    "D13": "sweeps and printed reports",
    "D14": "sweeps",
    "D15": "sweeps",
    "D17": "sweeps, sweep files and printed reports",
    "D26": "sweep files and printed reports",
    "D28": "printed reports",
    "D29": "printed reports",
}
"""Rules that runs and verdicts are not asked."""
PAGE = CHECKOUT / "docs" / "audit_rules.md"
INTRODUCTION = """# The rules of the audit

`latentlab audit` asks them of runs that exist, of a sweep file before it is run, and of what a
report prints ([printed_reports.md](printed_reports.md)); `latentlab judge` and every study's report
of runs and verdicts ([runs_that_exist.md](runs_that_exist.md)); a sweep's report of the sweep
([sweeps.md](sweeps.md)). An **error** says that a statement would be wrong, a **warning**
that it may be, a **note** what to know. A rule whose needs are not met is not asked, and the report
names it with what is lacking.

How often rules find what was planted, and what they say of sound tables:
[results/audit.md](results/audit.md). This page is written from the rules, with a sentence that each
prints of a table with the flaw: `cd tests && python -m labs.rules_page`.
"""


def planted(folder: Path) -> dict[str, tuple[Flawed, pd.DataFrame]]:
    """Each planted flaw by its name, and all findings of what it is planted into."""
    found = {}
    for flaw in FLAWS:
        runs = flaw(np.random.default_rng([0, 1]))
        found[flaw.__name__] = runs, findings_of(runs, folder)
    return found


def page(found: Mapping[str, tuple[Flawed, pd.DataFrame]]) -> str:
    """The page as text, from what `planted` gives."""
    parts = [INTRODUCTION]
    for code, rule in RULES.items():
        needs = [" and ".join(n.what for n in c.needs) for c in CHECKS if c.rule == code]
        needed = f"Needs: {'; or '.join(dict.fromkeys(one or 'nothing' for one in needs))}."
        source = f" Source: {rule.source}." if rule.source else ""
        parts.append(
            f"## {code} {rule.name}\n\n{rule.question}\n\n"
            f"{needed if needs else f'Asked of {_ELSEWHERE[code]}.'}{source}\n"
        )
        told = {
            row["text"]: row | {"of": "Rows" if isinstance(runs.table, str) else "Runs"}
            for runs, findings in found.values()
            if runs.rule == code
            for row in fitting(runs, findings).head(1).to_dict("records")
        }
        parts += [
            f"- **{row['severity']}**: {row['text']}"
            + (f" {row['of']} {row['rows']}." if row["rows"] else "")
            + (f" *{row['remedy']}*" if row["remedy"] else "")
            for row in told.values()
        ]
        parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        PAGE.write_text(page(planted(Path(name))))
