"""The audit as a part of a report."""

from __future__ import annotations

from collections.abc import Iterable

from latentlab.reporting.document import Item, Section
from latentlab.reporting.formatting import plural
from latentlab.runs.audit.findings import findings_section
from latentlab.runs.audit.registry import Audit
from latentlab.runs.audit.rules import RULES


def audit_section(audit: Audit) -> Section:
    """Findings, the most severe first, and the rules that could not be asked."""
    section = findings_section(audit.findings)
    asked = Section(
        "Rules that could not be asked",
        items=[
            Item(f"{why}.", name=f"{RULES[code].name} ({code})") for code, why in _sorted(audit)
        ],
        folded=True,
    )
    parts = [asked] if audit.not_asked else []
    return Section(
        section.title,
        [audit_sentence(audit)],
        table=section.table if audit.findings else None,
        sections=parts,
        anchor="audit",
    )


def audit_sentence(audit: Audit) -> str:
    """How many findings there are, by severity."""
    counts = [
        plural(sum(one.severity == severity for one in audit.findings), severity)
        for severity in ("error", "warning", "note")
    ]
    asked = "" if not audit.not_asked else f"; {len(audit.not_asked)} rules could not be asked"
    return f"Audit: {', '.join(counts[:2])} and {counts[2]}{asked}."


def _sorted(audit: Audit) -> Iterable[tuple[str, str]]:
    return sorted(audit.not_asked.items())
