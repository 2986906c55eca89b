"""The six sections of a sweep's report, in the order in which one asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from latentlab.core.durations import duration
from latentlab.reporting.document import Section
from latentlab.reporting.formatting import format_estimate, format_number, plural
from latentlab.reporting.rendering import Figure
from latentlab.runs.audit.findings import Finding, findings_section, records
from latentlab.search.analysis import Analysis
from latentlab.search.refine import Comparison
from latentlab.search.report.branch_sentences import branch_sentences
from latentlab.search.report.figures import (
    contour_figure,
    convergence_figure,
    importance_figure,
    parallel_figure,
    pareto_figure,
    rank_correlation_figure,
    slice_figure,
)
from latentlab.search.report.sensitivity_figures import sensitivity_figures
from latentlab.search.screening import HIGH, MODERATE
from latentlab.search.table import SweepTable

Figures = dict[str, tuple[Figure, str]]


@dataclass(frozen=True)
class NextSweep:
    """A refined space, ready to run.

    Attributes:
        name: of its file, without ending.
        mode: `conservative` or `aggressive`.
        decisions: one row per parameter: what is done, its evidence, and what would change it.
        text: the sweep file; empty where every parameter is fixed, so that nothing is left.
        run: what runs it.
    """

    name: str
    mode: str
    decisions: pd.DataFrame
    text: str
    run: str


def sections(
    table: SweepTable,
    analysis: Analysis,
    next_sweeps: Sequence[NextSweep],
    findings: Sequence[Finding],
    confirmation: pd.DataFrame | None,
    by_seed: pd.DataFrame | None,
    comparison: Comparison | None,
) -> list[Section]:
    """All sections of the report of a sweep."""
    found = [
        _asked(table, analysis),
        _screening(analysis),
        _effects(table, analysis),
        _winner(analysis, confirmation, by_seed, comparison),
        findings_section(findings),
    ]
    return [*found, _next_spaces(next_sweeps)] if next_sweeps else found


def _asked(table: SweepTable, analysis: Analysis) -> Section:
    space, progress = next(records(analysis.space_size)), next(records(analysis.progress))
    spent = analysis.cost.iloc[-1]
    sentences = [
        f"The space has {plural(space.parameters, 'parameter')}, "
        f"{space.conditional_parameters} of them conditional; configurations lie in "
        f"{space.cells_visited} of its 10^{space.log10_cells:.1f} cells.",
        f"The best of {progress.complete} complete configurations is number "
        f"{progress.configuration}, found at the {progress.found_at}th; its {table.objective.name} "
        f"is {format_number(progress.best)}.",
    ]
    if spent["seconds_unknown"] < spent["configurations"]:
        sentences.append(f"Training took {duration(spent['seconds'])} in all.")
    curve = convergence_figure(analysis.convergence, table.objective.name)
    figures: Figures = {
        "Best so far": (
            curve,
            "Above the dashed line (or below, where less is better): chance or a sampler that "
            "learns; on it: no better than drawing at random.",
        ),
        "All configurations": (
            parallel_figure(analysis, table),
            "Each line is a configuration; '-' is where a parameter does not exist.",
        ),
    }
    return Section("What was asked and found", sentences, analysis.cost, figures)


def _screening(analysis: Analysis) -> Section:
    screening = analysis.screening
    caption = (
        "Shares of what separates the best quarter from the rest. Grey: what importances of elites "
        "picked at random reach, all parameters together. A description: the table says what is "
        "significant."
    )
    return Section(
        "Which parameters matter",
        [f"Compared with {screening.null}.", *screening.notes],
        screening.frame(),
        {"Importances": (importance_figure(analysis.importances), caption)},
        note="One test per parameter: F on normal scores. p_main: its main effect, corrected for "
        "the family; p_partial: what is left given stronger parameters, without which an adaptive "
        "sampler calls innocent ones significant. p_corrected is the larger, and what the next "
        f"spaces act on. high: at most {HIGH:g}; moderate: at most {MODERATE:g}; open: nothing is "
        "known, which is not the same as no effect.",
    )


def _effects(table: SweepTable, analysis: Analysis) -> Section:
    figures: Figures = {}
    if not analysis.rank_correlations.empty:
        figures["Rank correlations"] = (
            rank_correlation_figure(analysis.rank_correlations),
            "95 % intervals, unadjusted; n counts the rows with the parameter.",
        )
    figures["Slices"] = (
        slice_figure(analysis, table),
        "Scores over each parameter. Drag, zoom and hover.",
    )
    for (first, second), data in analysis.contours.items():
        figures[f"{first} and {second}"] = (
            contour_figure(data, first, second, table),
            "Configurations that were run, coloured by score.",
        )
    if len(analysis.sensitivity):
        figures |= sensitivity_figures(analysis.sensitivity, table.objective)
    if analysis.pareto is not None:
        drawn = pareto_figure(analysis.pareto, table)
        figures["Objectives"] = (drawn, "No configuration of the front is worse in all objectives.")
    return Section(
        "Effects",
        [],
        effects_table(analysis),
        figures,
        note="Descriptions, whatever the screening says of a parameter. Numbers: Spearman's rho. "
        "Choices: the difference of two means. Intervals are of 95 %, unadjusted; those between "
        "best and worst of several choices are too narrow, as the two were picked.",
    )


def effects_table(analysis: Analysis) -> pd.DataFrame:
    """The effect of every parameter in one row, as text."""
    rows = [
        (row.parameter, row.tier, row.n, "rho", (row.rho, row.low, row.high), row.trend)
        for row in records(analysis.rank_correlations)
    ]
    for row in records(analysis.booleans):
        effect = row.difference, row.low, row.high
        rows.append((row.parameter, row.tier, row.n, "true - false", effect, f"{row.better} is"))
    for row in records(analysis.categorical_summary):
        effect = row.difference, row.low, row.high
        what = f"{row.best_choice} - {row.worst_choice}"
        rows.append((row.parameter, row.tier, row.n, what, effect, f"{row.best_choice} is"))
    return pd.DataFrame(
        [
            {
                "parameter": parameter,
                "tier": tier,
                "n": n,
                "measure": measure,
                "effect": format_estimate(*effect),
                "better": f"{better} better" if better.endswith(" is") else better,
            }
            for parameter, tier, n, measure, effect, better in rows
        ]
    )


def _winner(
    analysis: Analysis,
    confirmation: pd.DataFrame | None,
    by_seed: pd.DataFrame | None,
    comparison: Comparison | None,
) -> Section:
    best = next(records(analysis.winner))
    sentences = [
        f"The winner, configuration {best.configuration}, leads the mean of {best.rows} "
        f"configurations by {format_number(best.gap)}.",
        *branch_sentences(analysis.selection_bias),
    ]
    if comparison is not None:
        sentences += ["Beside the other sweep:", *comparison.text]
    note = (
        "Selection bias: the best of many noisy means lies above their mean though nothing tells "
        "them apart. Configurations that differ in truth, or that move together from seed to seed, "
        "have less of it; a branch in which a few are much noisier than the others has more."
    )
    if confirmation is None:
        return Section("The winner and selection bias", sentences, analysis.winner, note=note)
    sentences.append("The winner and the default were trained anew on seeds that no search saw.")
    note += (
        " Gain: positive is better, over the seeds that both finished (pairs), with its 95 % t "
        "interval; p, one-sided, that there is none, is missing where a seed was lost, since the "
        "gain then leaves out what the loss says. search_score is what the winner seemed to reach "
        "in the search."
    )
    parts = [] if by_seed is None else [_seeds(by_seed)]
    return Section(
        "The winner and selection bias", sentences, confirmation, note=note, sections=parts
    )


def _seeds(by_seed: pd.DataFrame) -> Section:
    """The winner and the default on each fresh seed."""
    arms = {name: by_seed[name].map(_or_lost) for name in ("winner", "default")}
    gain = by_seed["gain"].map(lambda value: "" if pd.isna(value) else format_number(value))
    return Section("Seed by seed", table=by_seed.assign(**arms, gain=gain))


def _or_lost(value: float) -> str:
    return "lost" if pd.isna(value) else format_number(value)


def _next_spaces(next_sweeps: Sequence[NextSweep]) -> Section:
    sentences = [
        f"{one.mode}: {one.name}.yml, beside this report's folder; to run it: {one.run}"
        if one.text
        else f"{one.mode}: every parameter is fixed; confirm the winner instead of searching on."
        for one in next_sweeps
    ]
    table = next_sweeps[0].decisions[["parameter", "tier", "p_corrected", "before"]]
    for one in next_sweeps:
        decided = one.decisions
        table = table.assign(
            **{one.mode: decided["action"], f"{one.mode} space": decided["after"]},
        )
    return Section(
        "The next spaces",
        sentences,
        table,
        note="decisions_<mode>.csv: the evidence of each line, and what would change it.",
    )
