"""Rules over what a report says of its figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.stats

from latentlab.reporting.formatting import format_p, format_share, plural
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.printed.declared import PrintedReport, Statement
from latentlab.runs.audit.printed.figures import Figure, figure, unmarked
from latentlab.runs.audit.printed.run_rules import runner_up
from latentlab.runs.audit.printed.table_rules import better_than
from latentlab.runs.audit.printed.tables import PrintedTable
from latentlab.statistics.corrections import adjust

_LEVEL = 0.05
_UNEQUAL = 2
_COMPARES = {"better", "worse", "same", "best"}


def statement_findings(report: PrintedReport) -> Iterator[Finding]:
    """D01, D04, D06, D12, D21, D23, D25, D28, D31 and D32 of all statements."""
    said = [one for one in report.statements if one.table is not None and one.says != "predicts"]
    for name, table in report.tables.items():
        yield from _one_seed(name, table, [one for one in said if one.table == name])
    for one in said:
        table = report.tables[one.table or ""]
        yield from _direction(one, table)
        yield from _best(one, table)
        yield from _collapsed(one, table)
        yield from _margin(one, table)
        yield from _undecided(one)
        yield from _spread(one, table)
        yield from _timing(one, table)
        yield from _tries(one, table)
        yield from _moved(one, table)
    yield from _predictions(report.statements)
    if not report.corrected:
        yield from _family([one for one in said if one.p is not None])
    if said and report.registered is None:
        text = (
            f"Nothing says that the {plural(len(said), 'claim')} stood before the data: each may "
            "have been found in the figures that it is held against. All are exploratory."
        )
        yield Finding("D32", "note", text, remedy="Register them, then run fresh seeds.")


def _about(one: Statement) -> str:
    return f"{one.table}, {one.metric}"


def _rows(one: Statement) -> str:
    return ", ".join(row for row in (one.who, one.than) if row is not None)


def _pair(one: Statement, table: PrintedTable) -> tuple[Figure, Figure] | None:
    """Figures of the two rows of a comparison; none where one is not printed."""
    column = table.figures[one.metric or ""]
    if one.than is None or one.who not in column or one.than not in column:
        return None
    return column[one.who], column[one.than]


def _one_seed(name: str, table: PrintedTable, said: Sequence[Statement]) -> Iterator[Finding]:
    compared = [one for one in said if one.says in _COMPARES]
    alone = {
        row
        for one in compared
        for row in (one.who, one.than)
        if row is not None and table.runs_behind(row) == 1
    }
    if alone:
        text = (
            f"{plural(len(compared), 'comparison')} rest on one run each. Of one run nobody knows "
            "how far another seed would lie: none of them can be more than open."
        )
        rows = ", ".join(row for row in table.rows if row in alone)
        remedy = "Train every row on the same 5 seeds or more."
        yield Finding("D01", "error", text, name, rows, remedy)
    elif compared and not table.numbers and not table.settings:
        text = f"{plural(len(compared), 'comparison')}, and it is not said of how many seeds."
        yield Finding("D01", "warning", text, name, remedy="Say seeds or counts.")


def _direction(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    pair, better = _pair(one, table), table.metrics[one.metric or ""].better
    if one.says not in {"better", "worse"} or pair is None or better == "none":
        return
    who, than = pair
    ahead, behind = (who, than) if one.says == "better" else (than, who)
    rows = _rows(one)
    if better_than(behind, ahead, better):
        amount = f" by {one.by}" if one.by else ""
        share = format_share(round(abs(who.value - than.value) / abs(than.value), 3))
        text = (
            f"{one.sentence(one.than)}{amount}: {who.text} is {share} "
            f"{'above' if who.value > than.value else 'below'} {than.text}, and {better} is better."
        )
        yield Finding("D12", "error", text, _about(one), rows, "Correct the sentence.")
        return
    printed = figure(one.by) if one.by else None
    if printed is None:
        return
    low, high = _amount(who, than, relative="%" in printed.text)
    if printed.high < low or printed.low > high:
        text = (
            f"{one.sentence(one.than)} by {printed.text}; between {who.text} and {than.text} lie "
            f"{low:.4g} to {high:.4g}."
        )
        yield Finding("D21", "error", text, _about(one), rows, "Correct the sentence.")


def _amount(who: Figure, than: Figure, *, relative: bool) -> tuple[float, float]:
    """Bounds of the absolute or relative difference of two numbers that were rounded."""
    ends = [
        (a - b) / abs(b) if relative else a - b
        for a in (who.low, who.high)
        for b in (than.low, than.high)
        if b or not relative
    ]
    if min(ends) <= 0 <= max(ends):
        return 0.0, max(map(abs, ends))
    return min(map(abs, ends)), max(map(abs, ends))


def _best(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    metric = one.metric or ""
    column, better = table.figures[metric], table.metrics[metric].better
    if one.says != "best" or better == "none" or one.who not in column:
        return
    other = runner_up(table, one)
    if other is not None and better_than(column[other], column[one.who], better):
        text = (
            f"{one.sentence(other)}: {better} is better, and {other} has {column[other].text}, "
            f"{one.who} {column[one.who].text}."
        )
        rows = f"{one.who}, {other}"
        yield Finding("D12", "error", text, _about(one), rows, "Correct the sentence.")


def _collapsed(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    """A posterior has collapsed where it equals the prior: where its divergence is near 0."""
    metric = one.metric or ""
    column, declared = table.figures[metric], table.metrics[metric]
    if one.says != "collapsed" or one.who not in column:
        return
    divergence = metric if declared.kind == "kl" else declared.agrees_with
    if divergence is None or table.metrics[divergence].kind != "kl":
        return
    values = table.figures[divergence]
    if one.who not in values or len(values) < 2:
        return
    if values[one.who].value == max(f.value for f in values.values()):
        text = (
            f"{one.who} is said to have collapsed; a collapsed posterior equals the prior and has "
            f"a {divergence} near 0, and {values[one.who].text} is the largest of {len(values)}: "
            "it is the least collapsed of all."
        )
        remedy = "Read it the other way round, and print the number of active units."
        yield Finding("D23", "error", text, f"{one.table}, {divergence}", one.who, remedy)


def _margin(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    if one.says != "same":
        return
    pair = _pair(one, table)
    if one.margin is not None:
        if pair is not None and _amount(*pair, relative=False)[0] > one.margin:
            text = (
                f"{one.who} and {one.than} are said to be the same within {one.margin:g}: "
                f"{pair[0].text} and {pair[1].text} are further apart."
            )
            rows = _rows(one)
            yield Finding("D12", "error", text, _about(one), rows, "Correct the sentence.")
        return
    shown = "" if pair is None else f" ({pair[0].text} and {pair[1].text})"
    text = (
        f"{one.who} is said to be as good as {one.than}{shown} without a margin. That no "
        "difference was seen is no evidence that there is none."
    )
    remedy = "Say how much would matter, and test for equivalence or non-inferiority within that."
    yield Finding("D25", "error", text, _about(one), _rows(one), remedy)


def _undecided(one: Statement) -> Iterator[Finding]:
    if one.p is None or one.p <= _LEVEL or one.says not in {"better", "worse", "best"}:
        return
    text = f"{one.sentence(one.than)} with p {format_p(one.p)}: noise gives that often enough."
    remedy = "Call it open, or run more seeds."
    yield Finding("D04", "error", text, _about(one), _rows(one), remedy)


def _family(said: Sequence[Statement]) -> Iterator[Finding]:
    p = np.array([one.p for one in said], dtype=np.float64)
    holm = adjust(p, "holm")
    called = p <= _LEVEL
    if len(said) < 2 or not called.any():
        return
    each = "; ".join(
        f"{one.who} on {one.metric} {format_p(before)}, {format_p(after)}"
        for one, before, after in zip(said, p, holm, strict=True)
        if before <= _LEVEL
    )
    text = (
        f"{len(said)} p-values and no correction: {called.sum()} are below {_LEVEL}, by Holm "
        f"{(holm <= _LEVEL).sum()} ({each})."
    )
    yield Finding("D10", "error", text, remedy="Say which are one family, and correct them.")


def _spread(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    """Welch's test from printed means, spreads and numbers of runs, where no p is printed.

    It takes what was rounded at the end that makes the difference clearest.
    """
    if one.p is not None:
        return
    other = runner_up(table, one) if one.says == "best" else one.than
    column, metric = table.figures[one.metric or ""], table.metrics[one.metric or ""]
    if one.says not in {"better", "worse", "best"} or other not in column or one.who not in column:
        return
    who, than = column[one.who], column[other]
    n, m = table.runs_behind(one.who) or 0, table.runs_behind(other) or 0
    if who.spread is None or than.spread is None or min(n, m) < 2:
        return
    gap = abs(who.value - than.value) + who.half + than.half
    spreads = [who.spread - who.half, than.spread - than.half]
    if metric.plus_minus == "se":
        spreads = [spreads[0] * math.sqrt(n), spreads[1] * math.sqrt(m)]
    if min(spreads) <= 0:
        return
    p = float(scipy.stats.ttest_ind_from_stats(gap, spreads[0], n, 0, spreads[1], m, False).pvalue)
    if p > _LEVEL:
        text = (
            f"{one.sentence(other)}: {who.text} and {than.text} lie no further apart than noise "
            f"puts them (Welch's t from what is printed, n {n} and {m}: p at least {format_p(p)})."
        )
        remedy = "Pair them by seed, or run more seeds."
        yield Finding("D04", "error", text, _about(one), f"{one.who}, {other}", remedy)


def _timing(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    if table.metrics[one.metric or ""].kind != "seconds" or one.says not in _COMPARES:
        return
    if all(table.runs_behind(row) == 1 for row in (one.who, one.than) if row is not None):
        text = f"{one.sentence(one.than)} by times of one run each: what else ran decides them."
        remedy = "Time both in turn on one device, several times, and compare ratios."
        yield Finding("D31", "warning", text, _about(one), _rows(one), remedy)


def _tries(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    if table.counts is None or one.than is None:
        return
    n, m = table.numbers.get(one.who, 0), table.numbers.get(one.than, 0)
    if min(n, m) and max(n, m) >= _UNEQUAL * min(n, m):
        text = (
            f"{one.who} was tried {n} times, {one.than} {m} times: the more tries, the better the "
            "best of them and the better explored its settings."
        )
        remedy = "Give both as many configurations, or compare their best of equally many."
        yield Finding("D06", "warning", text, _about(one), _rows(one), remedy)


def _moved(one: Statement, table: PrintedTable) -> Iterator[Finding]:
    """D23: a metric that a setting moves without making anything better."""
    other = runner_up(table, one) if one.says == "best" else one.than
    if other is None or one.says not in {"better", "worse", "best"}:
        return
    for setting in table.metrics[one.metric or ""].moved_by:
        values = [unmarked(str(table.cells.loc[row, setting])) for row in (one.who, other)]
        if values[0] != values[1]:
            text = (
                f"{one.who} and {other} differ in {setting} ({values[0]} and {values[1]}), which "
                f"moves {one.metric} without making anything better."
            )
            remedy = "Compare at one value of it, or print a measure that is corrected for it."
            yield Finding("D23", "warning", text, _about(one), f"{one.who}, {other}", remedy)


def _predictions(statements: Sequence[Statement]) -> Iterator[Finding]:
    bare = [one for one in statements if one.says == "predicts" and not one.runs]
    if bare:
        each = ", ".join(f"{one.who}{f' {one.by}' if one.by else ''}" for one in bare)
        text = f"{plural(len(bare), 'prediction')} without a run: {each}."
        remedy = "Name the runs that it comes from, or state each as a claim and test it."
        yield Finding(
            "D28", "warning", text, rows=", ".join(one.who for one in bare), remedy=remedy
        )
