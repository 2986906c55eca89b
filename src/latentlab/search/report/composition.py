"""The report of a sweep: what its analysis found, in the order in which one asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from latentlab.reporting.document import Document, Section
from latentlab.reporting.formatting import format_number, format_p
from latentlab.reporting.rendering import Figure
from latentlab.search.analysis.findings import findings_table, records
from latentlab.search.analysis.sweep_analysis import Analysis
from latentlab.search.refinement import Comparison
from latentlab.search.report.figures import (
    contour_figure,
    convergence_figure,
    direction_figure,
    importance_figure,
    parallel_figure,
    pareto_figure,
    slice_figure,
)
from latentlab.search.report.luck_section import luck_section
from latentlab.search.report.sensitivity_figures import sensitivity_figures
from latentlab.search.table import SweepTable


@dataclass(frozen=True)
class NextSweep:
    """A refined space, ready to run.

    Attributes:
        name: of its file, without ending.
        mode: `conservative` or `aggressive`.
        decisions: one row per parameter: what is done, its evidence, and what would change it.
        text: the sweep file; empty where every parameter is fixed, so that nothing is left.
    """

    name: str
    mode: str
    decisions: pd.DataFrame
    text: str


@dataclass(frozen=True)
class SweepReport:
    """Everything that the report of a sweep shows.

    Attributes:
        title: of the study or of where the sweep came from.
        table: the sweep.
        analysis: of it.
        next_sweeps: refined spaces.
        confirmation: the winner and the default on fresh seeds, or nothing.
        comparison: with another sweep, or nothing.
        notes: what the reader should know of where the table came from.
        reproduce: what was run and where, as text by name.
    """

    title: str
    table: SweepTable
    analysis: Analysis
    next_sweeps: Sequence[NextSweep] = ()
    confirmation: pd.DataFrame | None = None
    comparison: Comparison | None = None
    notes: Sequence[str] = ()
    reproduce: Mapping[str, str] | None = None

    @property
    def findings(self) -> pd.DataFrame:
        """What to beware of, as a table."""
        return findings_table(self.analysis.findings)

    def lines(self) -> list[str]:
        """The report in a few lines: every test, then what follows."""
        tests = [
            f"{row.tier:<9} {row.parameter}: {row.test.replace('_', '-')}, n {row.n}, "
            f"p {format_p(row.p)}, corrected {format_p(row.familywise)}"
            for row in records(self.analysis.tests)
        ]
        return [*tests, *_summary(self)]

    def document(self) -> Document:
        """The report as sections, with all its tables and texts as files."""
        analysis = self.analysis
        tables = {f"{name}.csv": table for name, table in analysis.tables().items()}
        texts = {f"{one.name}.yml": one.text for one in self.next_sweeps if one.text}
        for one in self.next_sweeps:
            tables[f"decisions_{one.mode}.csv"] = one.decisions
        if self.confirmation is not None:
            tables["confirmation.csv"] = self.confirmation
        if self.comparison is not None:
            tables["comparison.csv"] = self.comparison.table
        texts["full_analysis.log"] = full_log(tables)
        return Document(
            title=f"{self.title}: sweep {self.table.name}",
            question=_question(self.table),
            summary=[*_summary(self), *self.notes],
            sections=_sections(self),
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
    found = analysis.tests[analysis.tests["tier"] == "high"]["parameter"].tolist()
    if found:
        lines.append(
            f"After correction for the family (below .05) these matter: {', '.join(found)}."
        )
    else:
        lines.append("After correction for the family no parameter stands out from chance.")
    if report.confirmation is not None and len(report.confirmation):
        row = report.confirmation[report.confirmation["split"] == "test"].iloc[0]
        lines.append(
            f"On {int(row['seeds'])} fresh seeds the winner's {row['metric']} is "
            f"{format_number(row['winner'])} on test, the default's "
            f"{format_number(row['default'])}: a gain of {format_number(row['gain'])} "
            f"[{format_number(row['low'])}, {format_number(row['high'])}]. In the search the "
            f"winner seemed to reach {format_number(row['search_score'])} on validation."
        )
    else:
        lines.append("The winner was not confirmed on fresh seeds: its score is the best of many.")
    return lines


def _sections(report: SweepReport) -> list[Section]:
    table, analysis = report.table, report.analysis
    sections = [Section("What to beware of", table=report.findings)]
    if report.confirmation is not None:
        sections.append(
            Section(
                "Confirmation",
                ["The winner and the default, trained anew on seeds that the search never saw."],
                report.confirmation,
                note="Gain: positive is better, paired by seed, with its 95 % t interval and the "
                "one-sided p that there is none. search_score is what the winner seemed to reach: "
                "the best of many, and too good by that.",
            )
        )
    if len(analysis.luck):
        sections.append(luck_section(analysis.luck))
    sections += [
        Section(
            "Which parameters matter",
            table=_columns(
                analysis.tests, ("parameter", "test", "n", "p", "familywise", "bh", "tier")
            ),
            figures={
                "Importances": (
                    importance_figure(analysis.importances),
                    "A parameter matters where its importance leaves the grey band, which elites "
                    "picked at random reach.",
                )
            },
            note="One family of one test per parameter. high: below .05 for the family, by Holm "
            "or, where the sampler adapts, by the step-down minimum on noise; moderate: "
            "Benjamini-Hochberg < .10; open: nothing is known, which is not the same as no effect.",
        ),
        Section(
            "Directions",
            table=_columns(
                analysis.directions,
                ("parameter", "n", "rho", "low", "high", "trend", "p", "familywise", "bh", "tier"),
            ),
            figures=_direction_figures(report),
        ),
        Section("Truth values", table=analysis.booleans),
        Section("Choices", table=analysis.categorical_summary),
        Section(
            "Elites",
            ["The best quarter, beside what as many rows picked at random would show."],
            analysis.elite_choices,
        ),
        Section("Where elites lie", table=analysis.elite_spans),
        Section("Bounds", table=analysis.boundaries),
        Section(
            "Convergence and coverage",
            table=analysis.progress,
            figures=_progress_figures(report),
        ),
        Section("How much of the space was seen", table=analysis.space_size),
        Section("Compute", table=analysis.compute),
        Section("Failures", table=analysis.failures),
        Section("Are failures spread evenly?", table=analysis.failure_tests),
        Section("Pairs of parameters", figures=_contours(report)),
    ]
    if len(analysis.sensitivity):
        maps = sensitivity_figures(analysis.sensitivity, table.objective)
        sections.append(Section("Sensitivity", figures=maps))
    if analysis.pareto is not None:
        drawn = pareto_figure(analysis.pareto, table)
        sections.append(
            Section(
                "Pareto front",
                table=analysis.pareto,
                figures={"Objectives": (drawn, "No configuration is better in all objectives.")},
            )
        )
    if report.comparison is not None:
        sections.append(
            Section("Beside the other sweep", report.comparison.text, report.comparison.table)
        )
    for one in report.next_sweeps:
        sections.append(
            Section(
                f"The next sweep, {one.mode}",
                [
                    f"{one.name}.yml in this folder; --params <study>.sweep={one.name} runs it."
                    if one.text
                    else "Every parameter is fixed: confirm the winner instead of searching on."
                ],
                one.decisions,
            )
        )
    return sections


def _direction_figures(report: SweepReport) -> dict[str, tuple[Figure, str]]:
    if report.analysis.directions.empty:
        return {}
    drawn = direction_figure(report.analysis.directions)
    return {"Rank correlations": (drawn, "95 % intervals, unadjusted; n counts the rows with it.")}


def _progress_figures(report: SweepReport) -> dict[str, tuple[Figure, str]]:
    curve = convergence_figure(report.analysis.convergence, report.table.objective.name)
    return {
        "Best so far": (
            curve,
            "Above the dashed line (or below, where less is better): luck or "
            "a sampler that learns; on it: no better than drawing at random.",
        ),
        "All configurations": (
            parallel_figure(report.analysis, report.table),
            "Each line is a configuration; '-' is where a parameter does not exist.",
        ),
        "Slices": (
            slice_figure(report.analysis, report.table),
            "Scores over each parameter. Drag, zoom and hover.",
        ),
    }


def _contours(report: SweepReport) -> dict[str, tuple[Figure, str]]:
    return {
        f"{first} and {second}": (
            contour_figure(data, first, second, report.table),
            "Configurations that were run, coloured by score.",
        )
        for (first, second), data in report.analysis.contours.items()
    }


def _columns(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return table[[name for name in names if name in table.columns]]
