"""The audit of a report from the file that says what it prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pandas as pd

from latentlab.core.strict_yaml import load_yaml
from latentlab.core.validation import validate
from latentlab.reporting.document import Section
from latentlab.reporting.formatting import plural
from latentlab.runs.audit.findings import Finding, Severity, findings_section
from latentlab.runs.audit.printed.correlations import check_correlations
from latentlab.runs.audit.printed.declared import PrintedReport
from latentlab.runs.audit.printed.plan_rules import plan_findings
from latentlab.runs.audit.printed.printed_runs import runs_of
from latentlab.runs.audit.printed.run_rules import run_findings
from latentlab.runs.audit.printed.statement_rules import statement_findings
from latentlab.runs.audit.printed.table_rules import table_findings

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


def read_printed(path: Path) -> PrintedReport:
    """Read a file as docs/printed_reports.md describes it.

    Raises:
        UserError: one line with every mistake of the file.
    """
    return validate(PrintedReport, load_yaml(path), str(path))


def audit_report(report: PrintedReport) -> tuple[list[Finding], list[Section]]:
    """Audit a report by what it prints and claims.

    Returns:
        The findings, and sections that show them and the correlations as recomputed.
    """
    found: list[Finding] = []
    sections: list[Section] = []
    for name, table in report.tables.items():
        found += table_findings(name, table)
        if table.settings:
            said = [one for one in report.statements if one.table == name]
            found += run_findings(runs_of(name, table), said)
    found += statement_findings(report)
    for name, correlations in report.correlations.items():
        recomputed, findings = check_correlations(name, correlations)
        found += findings
        sections.append(_recomputed(name, recomputed))
    found += plan_findings(report)
    found = list(dict.fromkeys(found))
    counts = [sum(one.severity == severity for one in found) for severity in SEVERITIES]
    told = ", ".join(plural(count, word) for count, word in zip(counts, SEVERITIES, strict=True))
    section = replace(
        findings_section(found),
        title="What to beware of in what is printed",
        sentences=[f"{report.title}: {told}."],
    )
    return found, [section, *sections]


def audit_printed(path: Path) -> tuple[list[Finding], list[Section]]:
    """Read a file and audit the report that it describes, as `read_printed` and `audit_report`."""
    return audit_report(read_printed(path))


def _recomputed(name: str, table: pd.DataFrame) -> Section:
    return Section(
        f"Correlations recomputed: {name}",
        ["p of rho and n by Student's t, the n that would give the printed p, and corrections."],
        table=table,
    )
