"""The page of rules as they have it themselves: `cd tests && python -m labs.rules_page`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from labs.flawed_runs import FLAWS, Flawed, findings_of, fitting
from labs.project_copies import CHECKOUT
from latentlab.runs.audit.registry import CHECKS
from latentlab.runs.audit.rules import RULES

PAGE = CHECKOUT / "docs" / "audit_rules.md"
INTRODUCTION = """# The rules of the audit

`latentlab audit runs.csv` asks them of runs that exist, `latentlab judge` and every study's report
of runs and verdicts ([runs_that_exist.md](runs_that_exist.md)); a sweep's report has those about
sweeps ([sweeps.md](sweeps.md)). An **error** says that a statement would be wrong, a **warning**
that it may be, a **note** what to know. A rule whose needs are not met is not asked, and the report
names it with what is lacking.

How often rules find what was planted, and what they say of sound tables:
[results/audit.md](results/audit.md). This page is written from the rules, with a sentence that each
prints of a table with the flaw: `cd tests && python -m labs.rules_page`.
"""


def found_by_name(folder: Path) -> dict[str, tuple[Flawed, pd.DataFrame]]:
    """The findings of each planted flaw that its rule makes, by the flaw's name."""
    found = {}
    for flaw in FLAWS:
        runs = flaw(np.random.default_rng([0, 1]))
        found[flaw.__name__] = runs, fitting(runs, findings_of(runs, folder))
    return found


def page(found: Mapping[str, tuple[Flawed, pd.DataFrame]]) -> str:
    """The page as text, from what `found_by_name` gives."""
    parts = [INTRODUCTION]
    asked = {check.rule for check in CHECKS}
    for code, rule in RULES.items():
        if code not in asked:
            continue
        needs = [" and ".join(n.what for n in c.needs) for c in CHECKS if c.rule == code]
        source = f" Source: {rule.source}." if rule.source else ""
        parts.append(
            f"## {code} {rule.name}\n\n{rule.question}\n\n"
            f"Needs: {'; or '.join(dict.fromkeys(one or 'nothing' for one in needs))}.{source}\n"
        )
        told = {
            row["text"]: row
            for runs, findings in found.values()
            if runs.rule == code
            for row in findings.head(1).to_dict("records")
        }
        parts += [
            f"- **{row['severity']}**: {row['text']}"
            + (f" Runs {row['rows']}." if row["rows"] else "")
            + (f" *{row['remedy']}*" if row["remedy"] else "")
            for row in told.values()
        ]
        parts.append("")
    others = [f"- {code} {rule.name}: {rule.question}" for code, rule in RULES.items()]
    parts.append("## Of sweeps and of printed reports\n")
    parts += [line for line in others if line[2:5] not in asked]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        PAGE.write_text(page(found_by_name(Path(name))))
