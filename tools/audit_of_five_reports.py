"""Writes the page that says what the audit finds in five printed reports.

    python tools/audit_of_five_reports.py

It reads `tests/runs/audit/printed/*.yml` and writes `docs/results/audit_of_five_reports.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from latentlab.reporting.formatting import plural
from latentlab.runs.audit.findings import findings_table, records
from latentlab.runs.audit.printed.audit import SEVERITIES, audit_report, read_printed
from latentlab.runs.audit.rules import RULES

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "tests" / "runs" / "audit" / "printed"
PAGE = ROOT / "docs" / "results" / "audit_of_five_reports.md"
NAMES = ("harmonium", "sweep_analysis", "recommendations", "vae_comparison", "sweep_guide")

_HEAD = """# What the audit says of five reports

The six studies of this project set out from five reports. What each prints and says is a file
([how to write one](../printed_reports.md)); below is what the audit finds from these figures alone.
`python tools/audit_of_five_reports.py` writes this page, and a test holds it to the rules.
"""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join([_HEAD, *_summary(), *(line for name in NAMES for line in _part(name))])


def _summary() -> Iterator[str]:
    yield "| report | errors | warnings | notes | rules |"
    yield "|---|---|---|---|---|"
    for name in NAMES:
        report = read_printed(REPORTS / f"{name}.yml")
        found, _ = audit_report(report)
        counts = [str(sum(one.severity == severity for one in found)) for severity in SEVERITIES]
        rules = len({one.rule for one in found})
        yield f"| {report.title} | {' | '.join(counts)} | {rules} |"
    yield ""


def _part(name: str) -> Iterator[str]:
    report = read_printed(REPORTS / f"{name}.yml")
    found, _ = audit_report(report)
    yield f"## {report.title}\n"
    link = f"[{name}.yml](../../tests/runs/audit/printed/{name}.yml)"
    yield f"{link}: {plural(len(found), 'finding')}.\n"
    yield "| rule | severity | about | found |"
    yield "|---|---|---|---|"
    for row in records(findings_table(found)):
        cells = (f"{row.rule} {RULES[row.rule].name}", row.severity, row.about, row.text)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
