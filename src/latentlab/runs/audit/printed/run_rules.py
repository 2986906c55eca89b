"""Rules over a printed table whose rows are runs with their settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from latentlab.reporting.formatting import plural
from latentlab.runs.audit.findings import Finding, Severity
from latentlab.runs.audit.printed.declared import Statement
from latentlab.runs.audit.printed.printed_runs import PrintedRuns
from latentlab.runs.audit.printed.tables import PrintedTable
from latentlab.runs.audit.registry import audit
from latentlab.statistics.selection_bias import expected_highest_normal

_FEWEST_FREEDOM = 3
"""An SD of fewer degrees of freedom says nothing of the size of a difference."""
_SHOWN = 6
_DECLARED = {"D21", "D22", "D23", "D24", "D30", "D31"}
"""About what a metric is, which the file declares (`table_rules`) and other runs let one guess."""


def run_findings(runs: PrintedRuns, statements: list[Statement]) -> Iterator[Finding]:
    """What is said about a table of runs and noted beside it, then the rules over any runs.

    A rule that speaks of a statement about a metric does not speak of that metric again.
    """
    said = [*_hidden(runs)]
    for one in statements:
        if one.says in {"better", "worse"} and one.than is not None:
            said += _confounded(runs, one, one.who, one.than)
        if one.metric is not None:
            said += _within_noise(runs, one)
    yield from said
    told = {(one.rule, one.about) for one in said}
    for found in audit(runs.audited).findings:
        about = ", ".join(filter(None, [runs.name, found.about]))
        if found.rule in _DECLARED or (found.severity != "note" and (found.rule, about) in told):
            continue
        yield replace(found, about=about)


def runner_up(table: PrintedTable, one: Statement) -> str | None:
    """The best row beside the one that is said to be best; none where nothing else is."""
    metric = one.metric or ""
    if table.metrics[metric].better == "none":
        return None
    sign = 1 if table.metrics[metric].better == "higher" else -1
    others = {row: sign * f.value for row, f in table.figures[metric].items() if row != one.who}
    return max(others, key=lambda row: others[row]) if others else None


def _within_noise(runs: PrintedRuns, one: Statement) -> Iterator[Finding]:
    metric = one.metric or ""
    column = runs.table.figures[metric]
    noise = runs.audited.noise(metric)
    sd, freedom = noise
    other = runner_up(runs.table, one) if one.says == "best" else one.than
    if freedom < _FEWEST_FREEDOM or other not in column or one.who not in column:
        return
    if one.says not in {"better", "worse", "best"}:
        return
    gap, needed = abs(column[one.who].value - column[other].value), noise.least_difference()
    about = f"{runs.name}, {metric}"
    if gap < needed:
        known = [column[row].value for group in runs.groups for row in group if row in column]
        beyond = max(
            max(min(known) - column[row].value, column[row].value - max(known))
            for row in (one.who, other)
        )
        far = beyond > max(known) - min(known)
        text = (
            f"{one.sentence(other)}: {gap:.3g} lies between {column[one.who].text} and "
            f"{column[other].text}, where noise alone gives up to {needed:.2g} (SD {sd:.2g} on "
            f"{freedom} degrees of freedom)."
        )
        if far:
            text += (
                f" That is the noise of values of {min(known):g} to {max(known):g}, far from "
                "these: here it may be another."
            )
        remedy = f"Run {one.who} and {other} on the same 5 fresh seeds or more."
        severity: Severity = "warning" if far else "error"
        yield Finding("D04", severity, text, about, f"{one.who}, {other}", remedy)
    chance = expected_highest_normal(len(column)) * sd
    if one.says == "best" and gap < chance:
        text = (
            f"{one.who} is the best of {len(column)} and leads by {gap:.3g}; were they all alike, "
            f"the best would lie {chance:.2g} from their mean by noise alone. Run again, it is "
            "expected to be worse."
        )
        remedy = "Report its mean over fresh seeds, not the value it was chosen for."
        yield Finding("D05", "warning", text, about, one.who, remedy)


def _confounded(runs: PrintedRuns, one: Statement, who: str, than: str) -> Iterator[Finding]:
    differing = runs.differing(who, than)
    if len(differing) < 2:
        return
    clean = [row for row in runs.table.rows if len(runs.differing(who, row)) == 1]
    text = (
        f"{one.sentence(than)}: they differ in {len(differing)} settings ({', '.join(differing)}), "
        "and none of these has a share in the difference."
    )
    remedy = (
        f"{who} differs in one setting only from {', '.join(clean[:_SHOWN])}: compare with these."
        if clean
        else f"Run {than} with one of them changed at a time."
    )
    yield Finding("D07", "error", text, f"{runs.name}, {one.metric}", f"{who}, {than}", remedy)


def _hidden(runs: PrintedRuns) -> Iterator[Finding]:
    noted = runs.table.noted
    for group in runs.groups:
        others = [row for row in group if row in noted]
        if not others:
            continue
        spans = ", ".join(_span(metric, group, runs.table) for metric in runs.table.metrics)
        settings = sorted({setting for row in others for setting in noted[row]})
        text = (
            f"Runs {', '.join(group)} have equal settings in the table, and by their notes "
            f"{', '.join(others)} had other values of {', '.join(settings)}, which no column "
            f"shows. What differs between them ({spans}) cannot be told from noise."
        )
        remedy = f"Print {', '.join(settings)} as columns, with their values."
        yield Finding("D08", "error", text, runs.name, ", ".join(group), remedy)
    against = {row: [s for s in names if s in runs.table.fixed] for row, names in noted.items()}
    against = {row: names for row, names in against.items() if names}
    if against:
        settings = sorted({setting for names in against.values() for setting in names})
        said = ", ".join(f"{setting} {runs.table.fixed[setting]}" for setting in settings)
        text = (
            f"The table is said to hold {said} in all rows; the notes of "
            f"{plural(len(against), 'row')} ({', '.join(against)}) say otherwise."
        )
        remedy = "Correct the heading or the notes."
        yield Finding("D08", "error", text, runs.name, ", ".join(against), remedy)


def _span(metric: str, rows: list[str], table: PrintedTable) -> str:
    printed = [table.figures[metric][row] for row in rows if row in table.figures[metric]]
    if not printed:
        return f"{metric} none"
    low, high = min(printed, key=lambda f: f.value), max(printed, key=lambda f: f.value)
    return (
        f"{metric} {low.text}" if low.value == high.value else f"{metric} {low.text} to {high.text}"
    )
