"""The report of a sweep: what its analysis found, and the files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from latentlab.core.file_names import file_name
from latentlab.reporting.document import Document
from latentlab.reporting.formatting import format_p
from latentlab.reporting.verdict_prose import REHEARSAL
from latentlab.runs.audit.findings import Finding, findings_table
from latentlab.search.analysis import Analysis
from latentlab.search.audit.confirmation import confirmation_findings
from latentlab.search.formatting import format_list
from latentlab.search.refine import Comparison
from latentlab.search.report.confirmation_sentence import confirmation_sentence
from latentlab.search.report.sections import NextSweep, sections
from latentlab.search.screening import HIGH, MODERATE
from latentlab.search.table import SweepTable


@dataclass(frozen=True)
class SweepReport:
    """Everything that the report of a sweep shows.

    Attributes:
        title: of the study or of where the sweep came from.
        table: the sweep.
        analysis: of it.
        next_sweeps: refined spaces.
        confirmation: the winner and the default on fresh seeds, or nothing.
        by_seed: the same seed by seed: `seed`, `winner`, `default`, `gain`; or nothing.
        comparison: with another sweep, or nothing.
        notes: what the reader should know of where the table came from.
        reproduce: what was run and where, as text by name.
        rehearsal: whether the sweep only tries the pipeline.
    """

    title: str
    table: SweepTable
    analysis: Analysis
    next_sweeps: Sequence[NextSweep] = ()
    confirmation: pd.DataFrame | None = None
    by_seed: pd.DataFrame | None = None
    comparison: Comparison | None = None
    notes: Sequence[str] = ()
    reproduce: Mapping[str, str] | None = None
    rehearsal: bool = False

    @property
    def folder(self) -> str:
        """Name of the folder that the report is written to: the sweep's, made fit for a file."""
        return file_name(self.table.name)

    @property
    def warnings(self) -> list[Finding]:
        """What to beware of: in the sweep, and in its confirmation."""
        found = list(self.analysis.findings)
        if self.by_seed is not None:
            found += confirmation_findings(self.table, self.by_seed)
        return found

    @property
    def findings(self) -> pd.DataFrame:
        """What to beware of, as a table."""
        return findings_table(self.warnings)

    def lines(self) -> list[str]:
        """The report in a few lines: what was made of a foreign table, every test, what follows."""
        tests = [
            f"{test.tier:<10} {test.parameter}: n {test.rows}, "
            + (test.reason or f"p {format_p(test.p)}, corrected {format_p(test.p_corrected)}")
            for test in self.analysis.screening.tests.values()
        ]
        return [*self._rehearsed(), *self.notes, *tests, *_summary(self)]

    def _rehearsed(self) -> list[str]:
        return [REHEARSAL] if self.rehearsal else []

    def document(self) -> Document:
        """The report as sections, with all its tables and texts as files."""
        analysis = self.analysis
        tables = {f"{name}.csv": table for name, table in analysis.tables().items()}
        texts = {f"{one.name}.yml": one.text for one in self.next_sweeps if one.text}
        for one in self.next_sweeps:
            tables[f"decisions_{one.mode}.csv"] = one.decisions
        if self.confirmation is not None:
            tables["confirmation.csv"] = self.confirmation
        if self.by_seed is not None:
            tables["confirmation_by_seed.csv"] = self.by_seed
        if self.comparison is not None:
            tables["comparison.csv"] = self.comparison.table
        texts["full_analysis.log"] = full_log(tables)
        return Document(
            title=f"{self.title}: sweep {self.table.name}",
            question=_question(self.table),
            summary=[*self._rehearsed(), *_summary(self), *self.notes],
            sections=sections(
                self.table,
                self.analysis,
                self.next_sweeps,
                self.warnings,
                self.confirmation,
                self.by_seed,
                self.comparison,
            ),
            tables=tables,
            texts=texts,
            reproduce=self.reproduce or {},
        )


def full_log(tables: Mapping[str, pd.DataFrame]) -> str:
    """Every table as text, one after the other."""
    parts = []
    for name, table in tables.items():
        text = table.to_string(index=False) if len(table) else "(no rows)"
        parts.append(f"{name}\n{'=' * len(name)}\n{text}\n")
    return "\n".join(parts)


def _question(table: SweepTable) -> str:
    objective = table.objective
    goal = "highest" if objective.direction == "maximize" else "lowest"
    return f"Which configuration has the {goal} {objective.name}, and what decides it?"


def _summary(report: SweepReport) -> list[str]:
    table, analysis = report.table, report.analysis
    states = table.outcomes["state"].value_counts()
    counted = ", ".join(f"{count} {state}" for state, count in states.items())
    lines = [f"{len(table.outcomes)} configurations by {table.sampler} search: {counted}."]
    lines += _significance(analysis)
    if report.confirmation is not None and len(report.confirmation):
        tested = report.confirmation[report.confirmation["split"] == "test"]
        lines.append(confirmation_sentence(tested.to_dict("records")[0]))
    else:
        lines.append("The winner was not confirmed on fresh seeds: its score is the best of many.")
    return lines


def _significance(analysis: Analysis) -> list[str]:
    """What the screening found, in the words that the next spaces follow."""
    screening = analysis.screening
    high, moderate = screening.named("high"), screening.named("moderate")
    if len(screening.named("untestable")) == len(screening.tests):
        return ["No parameter could be tested, so that nothing is known of any."]
    if not high and not moderate:
        return ["After correction for the family no parameter stands out from chance."]
    lines = [
        f"{pair.first} and {pair.second} varied together ({pair.shown}) and cannot be told apart: "
        "one of them matters, or both, and no refinement acts on "
        f"{'either' if len(pair.inseparable) > 1 else pair.inseparable[0]}."
        for pair in screening.collinear
        if pair.inseparable
    ]
    high, moderate = (
        [name for name in names if not screening.twins(name)] for names in (high, moderate)
    )
    if high:
        lines.append(f"These matter (corrected p at most {HIGH:g}): {format_list(high)}.")
    if moderate:
        lines.append(
            f"These may matter (corrected p at most {MODERATE:g}), and only an aggressive "
            f"refinement acts on them: {format_list(moderate)}."
        )
    return lines
