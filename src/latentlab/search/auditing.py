"""The audit of whatever is named: runs, a sweep file, or a file of what a report prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from latentlab.core.errors import UserError
from latentlab.core.provenance import provenance
from latentlab.core.strict_yaml import load_yaml
from latentlab.reporting.document import Document, Section
from latentlab.runs.audit.findings import Finding, findings_table
from latentlab.runs.audit.printed.audit import audit_printed
from latentlab.runs.audit.registry import Audit
from latentlab.runs.audit.sections import audit_section, audit_sentence
from latentlab.runs.importers.importer import RunsOf
from latentlab.runs.judging.auditing import AuditedRuns, audit_runs
from latentlab.runs.judging.reading import Measured
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.runs.run_table import RunTable
from latentlab.runs.setting_names import setting
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.audit.files import audit_sweep_file
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.imported_sweeps.searched_columns import searched_only
from latentlab.search.table import Objective

MOST_RUNS = 1_000
"""Runs up to which the rules of a sweep are asked too; they draw the sweep anew many times."""
_YAML = (".yml", ".yaml")
_PRINTED = {"tables", "statements", "correlations", "elites", "tests", "next", "sweeps"}


def audit_source(chosen: EvidenceSettings, root: Path, runs_of: RunsOf) -> AuditedRuns:
    """Say what to beware of in a source, and in what is printed of it.

    Args:
        chosen: the source: runs, a sweep file in any layout, or a printed report as
            docs/printed_reports.md describes it; and the printed report beside runs.
        root: what relative paths are relative to.
        runs_of: the runs of an experiment of MLflow.

    Raises:
        UserError: nothing is named, or what is named cannot be read.
    """
    if chosen.source is None:
        if chosen.printed is None:
            raise UserError(
                f"{setting('source')} names nothing to audit",
                "Give runs, a sweep file or a printed report: latentlab audit runs.csv.",
            )
        return _of_printed(root / chosen.printed)
    path = root / chosen.source
    if path.suffix.lower() not in _YAML:
        return audit_runs(chosen, root, runs_of, without_arms=sweep_rules)
    content = load_yaml(path)
    if "title" in content or set(content) <= _PRINTED:
        return _of_printed(path)
    return _of_sweep_file(path, None if chosen.follows is None else root / chosen.follows)


def sweep_rules(runs: RunTable, first: Measured) -> tuple[Sequence[Finding], str]:
    """Ask runs that nothing tells apart what a sweep is asked.

    Args:
        runs: with their scores.
        first: the metric that they were tried for.

    Returns:
        The findings, and where the rules could not be asked, why not.
    """
    if first.metric.better == "none":
        return (), f"not audited as a sweep: which way {first.column} is better is not known"
    if len(runs.states) > MOST_RUNS:
        return (), f"not audited as a sweep: more than {MOST_RUNS:,} runs"
    direction: Literal["maximize", "minimize"] = "minimize"
    if first.metric.better == "higher":
        direction = "maximize"
    try:
        found = audit_as_sweep(runs, Objective(first.column, direction))
    except UserError as error:
        return (), f"not audited as a sweep: {error.what}"
    if not _was_searched(runs):
        # Nothing says that a sampler asked for them, of which it could be unknown how.
        found = tuple(one for one in found if one.rule != "D16")
    return found, ""


def audit_as_sweep(
    runs: RunTable, objective: Objective, settings: AnalysisSettings | None = None
) -> tuple[Finding, ...]:
    """Return what the rules of a sweep say of runs whose settings somebody varied.

    Args:
        runs: from any source.
        objective: the metric that they were tried for.
        settings: of the analysis.

    Raises:
        UserError: there is no finished run, or no setting varies.
    """
    kept = searched_only(replace(runs, values=runs.values[[objective.name]]))
    return analyse(sweep_of_runs(kept, [objective]), settings).findings


def _was_searched(runs: RunTable) -> bool:
    """Whether the source says that an optimiser, or a sweep of W&B, asked for the runs."""
    of_sweeps = [name for name in runs.parameters if str(name).lower() == "sweep"]
    return runs.distributions is not None or bool(runs.parameters[of_sweeps].notna().any(axis=None))


def _of_printed(path: Path) -> AuditedRuns:
    findings, sections = audit_printed(path)
    return _audited(path, findings, sections, [])


def _of_sweep_file(path: Path, before: Path | None) -> AuditedRuns:
    found = audit_sweep_file(path, before)
    audit = Audit(found.findings, {})
    said = [found.sentence, *found.notes, audit_sentence(audit)]
    return _audited(path, found.findings, [audit_section(audit)], said)


def _audited(
    path: Path, findings: Sequence[Finding], sections: Sequence[Section], said: Sequence[str]
) -> AuditedRuns:
    table = findings_table(findings)
    said = said or [sentence for section in sections[:1] for sentence in section.sentences]
    document = Document(
        title=f"Audit of {path.name}",
        question=f"What is to beware of in {path.name}?",
        summary=said,
        sections=list(sections),
        tables={"tables/findings.csv": table},
        reproduce={**provenance(), "source": path.name},
    )
    return AuditedRuns(table, document, tuple(said))
