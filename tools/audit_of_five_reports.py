"""Writes the page that says what the audit finds in five printed reports.

    python tools/audit_of_five_reports.py

It reads `tests/runs/audit/printed/*.yml` and writes `docs/results/audit_of_five_reports.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from latentlab.reporting.formatting import plural
from latentlab.runs.audit.findings import Finding, findings_table, records
from latentlab.runs.audit.printed.audit import SEVERITIES, audit_report, read_printed

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "tests" / "runs" / "audit" / "printed"
PAGE = ROOT / "docs" / "results" / "audit_of_five_reports.md"
NAMES = ("harmonium", "sweep_analysis", "recommendations", "vae_comparison", "sweep_guide")

_HEAD = """# What the audit says of five reports

The six studies of this project set out from five reports. What each prints and says is a file
([how to write one](../printed_reports.md)); below is what the audit finds from these figures. The
few that a report does not print, such as the score of a constant predictor, are named in the
file's comments.
`python tools/audit_of_five_reports.py` writes this page, and a test holds it to the rules.
"""


def page() -> str:
    """Return the page in Markdown."""
    reports = {name: read_printed(REPORTS / f"{name}.yml") for name in NAMES}
    found = {name: audit_report(report)[0] for name, report in reports.items()}
    lines = [_HEAD, "| report | errors | warnings | notes | rules |", "|---|---|---|---|---|"]
    for name, report in reports.items():
        counts = [sum(one.severity == severity for one in found[name]) for severity in SEVERITIES]
        rules = len({one.rule for one in found[name]})
        lines.append(f"| {report.title} | {' | '.join(map(str, counts))} | {rules} |")
    for name, report in reports.items():
        lines += ["", *_part(name, report.title, found[name])]
    return "\n".join(lines) + "\n"


def _part(name: str, title: str, found: list[Finding]) -> Iterator[str]:
    link = f"[{name}.yml](../../tests/runs/audit/printed/{name}.yml)"
    yield f"## {title}\n\n{link}: {plural(len(found), 'finding')}.\n"
    yield "| rule | severity | about | found |"
    yield "|---|---|---|---|"
    for row in records(findings_table(found)):
        cells = (f"{row.rule} {row.name}", row.severity, row.about, row.text)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
