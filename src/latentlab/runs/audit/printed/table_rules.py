"""Rules over a printed table alone: figures that cannot be, or do not mean what they seem to."""

from __future__ import annotations

import math
from collections.abc import Iterator

import scipy.stats

from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.printed.figures import Figure
from latentlab.runs.audit.printed.tables import PrintedMetric, PrintedTable

_NEVER = 1e-6
"""A value with less chance than this is one that does not happen."""
_EXACT = 1e-9
"""What arithmetic in binary leaves of half a digit."""
_AT_ODDS = -0.9
_FEWEST_ORDERED = 4
"""Three rows are in opposite orders by chance too often."""


def table_findings(name: str, table: PrintedTable) -> Iterator[Finding]:
    """D21 to D24 and D30 of one table."""
    for metric, declared in table.metrics.items():
        about = f"{name}, {metric}"
        column = table.figures[metric]
        yield from _range(about, column, declared)
        yield from _zeros(about, column, declared)
        yield from _shares(about, column, declared, table)
        yield from _bold(about, column, declared, table.bold(metric))
        yield from _parts(about, column, table)
        yield from _maximum(about, column, declared, table)
        yield from _chance(about, column, declared)
        yield from _at_odds(about, metric, table)
    unsaid = [metric for metric, one in table.metrics.items() if not (one.split and one.epoch)]
    if unsaid:
        text = f"It is not said of {', '.join(unsaid)} on which data and at which epoch they are."
        yield Finding("D30", "note", text, name, remedy="Say split and epoch of each metric.")


def better_than(one: Figure, other: Figure, better: str) -> bool:
    """Whether one figure is better than another, whatever was rounded off.

    Rounding keeps the order: 0.91 is more than 0.90, whichever numbers were printed so.
    """
    lead = one.value - other.value if better == "higher" else other.value - one.value
    return lead > 0 and lead >= (one.half + other.half) * (1 - _EXACT)


def _range(about: str, column: dict[str, Figure], metric: PrintedMetric) -> Iterator[Finding]:
    low, high = metric.bounds
    wrong = {row: one for row, one in column.items() if one.high < low or one.low > high}
    if wrong:
        shown = ", ".join(f"{row} {one.text}" for row, one in wrong.items())
        text = f"Outside {low:g} to {high:g}, where such a metric lies: {shown}."
        yield Finding("D23", "error", text, about, ", ".join(wrong), "Correct figure or range.")


def _zeros(about: str, column: dict[str, Figure], metric: PrintedMetric) -> Iterator[Finding]:
    """A Kolmogorov-Smirnov distance over n points is at least 1/(2n), and rarely that."""
    if metric.kind != "ks" or metric.n is None:
        return
    chance = {row: float(scipy.stats.kstwo.cdf(one.high, metric.n)) for row, one in column.items()}
    wrong = [row for row in column if chance[row] < _NEVER]
    if wrong:
        text = (
            f"{', '.join(f'{row} {column[row].text}' for row in wrong)}: a Kolmogorov-Smirnov "
            f"distance over {metric.n:,} points is at least {0.5 / metric.n:.2g} and, of samples "
            f"from that very law, {scipy.stats.kstwo.mean(metric.n):.2g} on average. So small a "
            "value was never computed; it stands for a missing one."
        )
        remedy = "Measure it for every row in the same way, or leave the cell empty."
        yield Finding("D23", "error", text, about, ", ".join(wrong), remedy)


def _shares(
    about: str, column: dict[str, Figure], metric: PrintedMetric, table: PrintedTable
) -> Iterator[Finding]:
    """GRIM: a share of n is a whole number over n (Brown & Heathers 2017)."""
    if metric.kind != "share" or metric.n is None:
        return
    for row, one in column.items():
        total = metric.n * (table.runs_behind(row) or 0)
        if total == 0 or math.floor(one.high * total) >= math.ceil(one.low * total):
            continue
        below = math.floor(one.value * total)
        text = (
            f"{row}: {one.text} is no share of {total}: {below} of them are "
            f"{format_number(below / total, 4)} and {below + 1} are "
            f"{format_number((below + 1) / total, 4)}."
        )
        remedy = "Say over how many examples, or how it was averaged."
        yield Finding("D21", "error", text, about, row, remedy)


def _bold(
    about: str, column: dict[str, Figure], metric: PrintedMetric, bold: list[str]
) -> Iterator[Finding]:
    if metric.better == "none":
        return
    for row in (row for row in bold if row in column):
        ahead = [
            other for other, one in column.items() if better_than(one, column[row], metric.better)
        ]
        if ahead:
            text = (
                f"{row} is bold at {column[row].text}, but {metric.better} is better and "
                f"{', '.join(f'{other} has {column[other].text}' for other in ahead)}."
            )
            yield Finding("D21", "error", text, about, row, "Mark the best, or nothing.")


def _parts(about: str, column: dict[str, Figure], table: PrintedTable) -> Iterator[Finding]:
    for total, wholes in table.parts.items():
        for rows in wholes:
            if total not in column or any(row not in column for row in rows):
                continue
            yield from _counts(about, total, rows, table)
            parts, whole = [column[row] for row in rows], column[total]
            counts = [table.numbers[row] for row in rows if row in table.numbers]
            if table.counts is not None and len(counts) == len(rows):
                low = sum(n * one.low for n, one in zip(counts, parts, strict=True)) / sum(counts)
                high = sum(n * one.high for n, one in zip(counts, parts, strict=True)) / sum(counts)
            else:
                low, high = min(one.low for one in parts), max(one.high for one in parts)
            if whole.high < low or whole.low > high:
                middle = (
                    format_number((low + high) / 2, 4)
                    if len(counts) == len(rows)
                    else (f"between {low:.4g} and {high:.4g}")
                )
                text = (
                    f"{' and '.join(rows)} are together {total}: their mean is {middle}, "
                    f"printed is {whole.text}."
                )
                remedy = "Find out which rows were left out of the one or the other."
                yield Finding("D21", "error", text, about, ", ".join([total, *rows]), remedy)


def _counts(about: str, total: str, rows: list[str], table: PrintedTable) -> Iterator[Finding]:
    numbers = table.numbers
    if table.counts is None or any(row not in numbers for row in (total, *rows)):
        return
    together = sum(numbers[row] for row in rows)
    if together != numbers[total]:
        text = f"{' and '.join(rows)} have {together} runs, {total} has {numbers[total]}."
        yield Finding("D21", "error", text, about, ", ".join([total, *rows]), "Correct the counts.")


def _maximum(
    about: str, column: dict[str, Figure], metric: PrintedMetric, table: PrintedTable
) -> Iterator[Finding]:
    best = column.get(table.maximum or "")
    if best is None or metric.better == "none":
        return
    for row, one in column.items():
        if row == table.maximum or better_than(best, one, metric.better):
            continue
        text = (
            f"The mean of {row} is {one.text}, the best single value is {best.text}: every run of "
            f"{row} would have to share it. One of the two is another quantity, or all of them sit "
            "on one plateau."
        )
        remedy = "Look up the single values."
        yield Finding("D21", "error", text, about, row, remedy)


def _chance(about: str, column: dict[str, Figure], metric: PrintedMetric) -> Iterator[Finding]:
    if metric.chance is None or metric.better == "none":
        return
    floor = Figure(f"{metric.chance:g}", float(metric.chance), 0.0)
    stuck = [row for row, one in column.items() if not better_than(one, floor, metric.better)]
    if stuck:
        text = (
            f"No better than the {floor.text} that chance alone gives are {len(stuck)} of "
            f"{plural(len(column), 'figure')}: "
            f"{', '.join(f'{row} {column[row].text}' for row in stuck)}."
        )
        remedy = "Print the score of a constant predictor, or of pure noise, as a row."
        yield Finding("D22", "warning", text, about, ", ".join(stuck), remedy)


def _at_odds(about: str, name: str, table: PrintedTable) -> Iterator[Finding]:
    column, other = table.figures[name], table.metrics[name].agrees_with
    if other is None:
        return
    rows = [row for row in column if row in table.figures[other]]
    mine = [column[row].value for row in rows]
    theirs = [table.figures[other][row].value for row in rows]
    if len(rows) < _FEWEST_ORDERED or min(len(set(mine)), len(set(theirs))) < 2:
        return
    rho = float(scipy.stats.spearmanr(mine, theirs).statistic)
    if rho <= _AT_ODDS:
        text = (
            f"{name} and {other} should agree, and order {len(rows)} rows the opposite way (rho "
            f"{rho:.2f}): one of them measures the reverse of what it is called."
        )
        remedy = f"Say how {name} is computed, and print a third measure beside it."
        yield Finding("D24", "warning", text, about, ", ".join(rows), remedy)
