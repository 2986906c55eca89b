"""Runs of a table as the rules read them, with or without arms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from latentlab.core.databases import shown
from latentlab.core.errors import UserError
from latentlab.core.provenance import provenance
from latentlab.reporting.document import Document, Section
from latentlab.reporting.formatting import plural
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding, findings_table
from latentlab.runs.audit.printed.audit import audit_printed
from latentlab.runs.audit.registry import audit
from latentlab.runs.audit.sections import audit_section, audit_sentence
from latentlab.runs.importers.importer import RunsOf
from latentlab.runs.judging.arms import Arms, arms_of, control_of
from latentlab.runs.judging.reading import Measured, measured, read_runs
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.runs.metric_names import words_of
from latentlab.runs.roles import roles
from latentlab.runs.run_table import RunTable

_NAMES = {"run", "trial", "name", "id", "number"}


@dataclass(frozen=True)
class AuditedRuns:
    """What an audit of runs that exist says.

    Attributes:
        findings: as `findings_table` gives them.
        document: the report.
        said: what was read, guessed and found, one sentence each.
    """

    findings: pd.DataFrame
    document: Document
    said: tuple[str, ...]


FurtherRules = Callable[[RunTable, Measured], tuple[Sequence[Finding], str]]
"""Rules on runs without arms, by their first metric: findings, or why there are none."""


def audit_runs(
    chosen: EvidenceSettings, root: Path, runs_of: RunsOf, without_arms: FurtherRules
) -> AuditedRuns:
    """Audit runs of which nobody claims anything; nothing is judged.

    Every score is read where none is named. Where it is not clear which runs are compared, or with
    which, they are audited without arms, and the report says so.

    Args:
        chosen: which runs, and what of them is what.
        root: what relative paths are relative to.
        runs_of: the runs of an experiment of MLflow as a table, by its name.
        without_arms: what else is asked where nothing tells arms apart.

    Raises:
        UserError: the runs cannot be read, or an arm or a control that was named is not there.
    """
    runs = read_runs(chosen, root, runs_of, every_score=True)
    metrics = measured(runs, chosen, directed=False)
    arms, control, notes = _arms(runs, chosen)
    read = audited_runs(runs, metrics, arms, control)
    found = audit(read)
    if arms is None:
        further, why_not = without_arms(runs, metrics[0])
        found = found.joined(further)
        notes = (*notes, why_not) if why_not else notes
    printed = [] if chosen.printed is None else audit_printed(root / chosen.printed)[1]
    said = (
        f"{plural(len(runs.states), 'run')} of {runs.name}, {plural(len(metrics), 'score')}: "
        f"{', '.join(one.column for one in metrics)}.",
        # A score with a name that says nothing is taken for a setting; here it is seen.
        f"Settings that vary: {', '.join(map(str, read.codes)) or 'none'}.",
        *(f"{note[0].upper()}{note[1:]}." for note in (*runs.notes, *notes)),
        audit_sentence(found),
    )
    table = findings_table(found.findings)
    block = {
        f"evidence.{key}": str(shown(value))
        for key, value in chosen.model_dump(exclude_none=True).items()
    }
    document = Document(
        title=f"Audit of {runs.name}",
        question=f"What is to beware of in the runs of {runs.name}?",
        summary=said,
        sections=[audit_section(found), *printed, Section("How the runs were read", facts=block)],
        tables={"tables/findings.csv": table},
        reproduce={**provenance(), "source": shown(str(chosen.source))},
    )
    return AuditedRuns(table, document, said)


def audited_runs(
    runs: RunTable,
    metrics: Sequence[Measured],
    arms: Arms | None,
    control: str = "",
    verdicts: pd.DataFrame | None = None,
) -> Audited:
    """Return a table of runs as the rules read it.

    Args:
        runs: with their scores.
        metrics: what the scores measure.
        arms: of the runs; none where nothing says which are compared.
        control: the arm that others are compared with; empty without one.
        verdicts: on the runs; none where nothing was judged.
    """
    parameters = runs.parameters.reset_index(drop=True)
    told_apart = () if arms is None else arms.columns
    others = [name for name in roles(runs.parameters, runs.seeds) if name not in told_apart]
    return Audited(
        name=runs.name,
        rows=_row_names(runs, others),
        settings=parameters.drop(columns=others),
        recorded=parameters[others],
        scores=runs.values.reset_index(drop=True),
        metrics={one.column: one.metric for one in metrics},
        states=runs.states,
        seeds=runs.seeds,
        arms=None if arms is None else arms.labels,
        arm_columns=told_apart,
        control=control,
        adaptive=runs.adaptive,
        searched=runs.distributions is not None,
        verdicts=verdicts,
    )


def _arms(runs: RunTable, chosen: EvidenceSettings) -> tuple[Arms | None, str, tuple[str, ...]]:
    """Return arms and control where it is clear which they are, and what is said of them."""
    try:
        arms = arms_of(runs, chosen.arm)
    except UserError as error:
        if chosen.arm is not None or chosen.control is not None:
            raise
        return None, "", (f"audited without arms ({error.what.removeprefix(f'{runs.name}: ')})",)
    try:
        return arms, control_of(arms, chosen.control, runs.name), arms.notes
    except UserError:
        if chosen.control is not None:
            raise
        return arms, "", (*arms.notes, "no arm is called a control")


def _row_names(runs: RunTable, labels: Sequence[str]) -> list[str]:
    """Return what the source calls its runs, or else counts them by."""
    for name in labels:
        column = runs.parameters[name]
        if _NAMES & set(words_of(name)) and column.notna().all() and column.is_unique:
            return [f"{v:g}" if isinstance(v, float) else str(v) for v in column]
    return [str(row) for row in runs.parameters.index]
