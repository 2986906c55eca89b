"""The page of rules as they have it themselves: `cd tests && python -m labs.rules_page`."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from labs.flawed_runs import FLAWS, Flawed, findings_of, fitting
from labs.project_copies import CHECKOUT
from labs.sweep_tables import MIXED, noise_table, sweep_table
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.printed.audit import audit_printed
from latentlab.runs.audit.registry import CHECKS
from latentlab.runs.audit.rules import RULES, Rule
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.screening import NullDistribution
from latentlab.search.table import SweepTable

SETTINGS = AnalysisSettings(bootstraps=20, null_draws=400, fanova_rows=10, resamples=999)
_ALL = "sweeps, their files and printed reports"
_PRINTED_ALONE = ("D12", "D28")
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
            parts.append(_elsewhere(code, rule))
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
    return "\n".join(parts).rstrip("\n") + "\n"


def _elsewhere(code: str, rule: Rule) -> str:
    """The part of a rule that is asked of sweeps, their files and printed reports alone."""
    place, example = elsewhere()[code]
    return (
        f"## {code} {rule.name}\n\n{rule.question}\n\nAsked of {place}.\n\n"
        f"- **{example.severity}**: {example.text}"
        + (f" *{example.remedy}*" if example.remedy else "")
        + "\n"
    )


@functools.cache
def elsewhere() -> dict[str, tuple[str, Finding]]:
    """Where a rule is asked that runs and verdicts are not asked, and one of its findings."""
    found: dict[str, tuple[str, Finding]] = {}
    for path in sorted((CHECKOUT / "tests" / "runs" / "audit" / "printed").glob("*.yml")):
        for one in audit_printed(path)[0]:
            place = "printed reports" if one.rule in _PRINTED_ALONE else _ALL
            found.setdefault(one.rule, (place, one))
    for table in (_at_a_bound(), noise_table(24, 300)):
        for one in analyse(table, SETTINGS, NullDistribution(permutations=200)).findings:
            found.setdefault(one.rule, ("sweeps", one))
    return found


def _at_a_bound() -> SweepTable:
    """A sweep nearly all of whose rows lie at one bound."""
    rows = [{"width": 0.5 + k / 200} for k in range(20)] + [{"width": 3.0}]
    values = np.random.default_rng(10).normal(size=21)
    return sweep_table({"width": MIXED["width"]}, rows, values)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        PAGE.write_text(page(found_by_name(Path(name))))
