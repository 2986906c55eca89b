"""Verdicts in the terminal, and where to look for the rest."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from latentlab.reporting.formatting import MISSING, as_float, as_text, without_interval
from latentlab.reporting.pooled import pooled_names
from latentlab.reporting.verdict_cells import (
    boundary_text,
    cause_text,
    claim_text,
    correction_text,
    count_text,
    deciding_p,
    effect_text,
    interval_label,
    look_text,
    seeds_missing,
    sources_text,
    verdict_rows,
)
from latentlab.reporting.verdict_prose import (
    REHEARSAL,
    UNCONFIRMED,
    next_step,
    status_sentence,
)

_STYLES = {
    "supported": "bold blue",
    "refuted": "bold red",
    "inconclusive": "bold yellow",
    "invalid": "bold magenta",
    "not_run": "dim",
}


def print_verdicts(
    verdicts: pd.DataFrame,
    where: Mapping[str, str],
    console: Console | None = None,
    pooled: pd.DataFrame | None = None,
    rehearsal: bool = False,
) -> None:
    """Print the verdicts, and where to look for the rest.

    In a terminal a table with coloured verdicts, and below it why some have no answer; elsewhere (a
    log file, a pipe) one plain line per hypothesis, never wrapped, so that it can be searched.

    Args:
        verdicts: the table of verdicts.
        where: what can be looked at ("report", "MLflow") and its path or address.
        console: where to print; standard output when None.
        pooled: the table of pooled verdicts, which follow where there are some.
        rehearsal: whether they only try the pipeline.
    """
    console = console or Console()
    rows = verdict_rows(verdicts)
    console.print(Text(status_sentence(verdicts)), soft_wrap=True)
    if rehearsal:
        console.print(Text(REHEARSAL), soft_wrap=not console.is_terminal)
    if console.is_terminal:
        console.print(_table(rows))
        for row in rows:
            for said in filter(None, (sources_text(row), cause_text(row), _attempt(row))):
                console.print(Text(f"{as_text(row.get('hypothesis'))}: {said}."))
    else:
        for row in rows:
            console.print(_line(row), soft_wrap=True)
    if following := next_step(verdicts):
        # Without the marks of code, so that the command can be copied as it stands.
        console.print(Text(following.replace("`", "")), soft_wrap=not console.is_terminal)
    if pooled is not None and len(pooled):
        console.print(Text(f"Pooled over {', '.join(pooled_names(pooled))}:"))
        for row in verdict_rows(pooled):
            console.print(_line(row), soft_wrap=not console.is_terminal)
    _print_places(where, console)


def print_lines(
    lines: Sequence[str], where: Mapping[str, str], console: Console | None = None
) -> None:
    """Print sentences, and where to look for the rest."""
    console = console or Console()
    for line in lines:
        console.print(Text(line), soft_wrap=not console.is_terminal)
    _print_places(where, console)


def _print_places(where: Mapping[str, str], console: Console) -> None:
    width = max((len(name) for name in where), default=0)
    for name, place in where.items():
        # Text, not markup: a path may hold square brackets. Not wrapped: it must be copyable.
        console.print(Text(f"{name.ljust(width)}  {place}"), soft_wrap=True)


def print_table(table: pd.DataFrame, group: str, console: Console | None = None) -> None:
    """Print a table of words and numbers, a block per value of the column `group`.

    In a terminal without the intervals, which would not fit; elsewhere whole, a line per row.
    """
    console = console or Console()
    for value, rows in table.groupby(group, sort=False):
        shown = rows.drop(columns=group).astype(object).where(rows.notna(), MISSING)
        if not console.is_terminal:
            text = f"{group} {value}\n{shown.to_string(index=False)}"
            console.print(Text(text), soft_wrap=True)
            continue
        drawn = Table(title=f"{group} {value}", box=None, pad_edge=False, title_justify="left")
        for name in shown:
            drawn.add_column(str(name).replace("_", " "))
        for row in shown.itertuples(index=False):
            drawn.add_row(*(Text(without_interval(str(cell))) for cell in row))
        console.print(drawn)


def print_differences(
    named: Mapping[str, str], tables: Mapping[str, pd.DataFrame], console: Console | None = None
) -> None:
    """Print in what two runs differ, a table by subject.

    Args:
        named: the runs by the columns that they stand in.
        tables: their differences by subject; an empty one is said to be so.
        console: where to print; standard output when None.
    """
    console = console or Console()
    for place, name in named.items():
        console.print(Text(f"{place:<6}  {name}"), soft_wrap=True)
    for subject, table in tables.items():
        if table.empty:
            console.print(Text(f"The same {subject}."))
            continue
        if not console.is_terminal:
            console.print(Text(f"{subject}\n{table.to_string(index=False)}"), soft_wrap=True)
            continue
        drawn = Table(title=subject, box=None, pad_edge=False, title_justify="left")
        for column in table:
            drawn.add_column(str(column), overflow="fold")
        for row in table.itertuples(index=False):
            drawn.add_row(*(Text(str(cell)) for cell in row))
        console.print(drawn)


def _table(rows: list[dict[Hashable, Any]]) -> Table:
    labels = {interval_label(row) for row in rows if as_float(row.get("interval_level")) > 0}
    interval = labels.pop() if len(labels) == 1 else "unadjusted interval"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("hypothesis", overflow="fold", min_width=24)
    table.add_column(f"effect [{interval}]".replace("[", r"\["))
    table.add_column("adjusted p", no_wrap=True)
    table.add_column("correction")
    table.add_column("n", no_wrap=True)
    table.add_column("more seeds", justify="right")
    for row in rows:
        verdict = as_text(row.get("verdict"))
        table.add_row(
            Text(verdict.replace("_", " "), style=_STYLES.get(verdict, "")),
            _named(row),
            Text(effect_text(row)).append(_holds(row, "\n"), style="dim"),
            Text(_p_text(row)),
            Text(correction_text(row)),
            Text(", ".join(filter(None, (count_text(row), look_text(row))))),
            Text(seeds_missing(row)),
        )
    return table


def _line(row: dict[Hashable, Any]) -> Text:
    verdict = as_text(row.get("verdict"))
    claim = f": {claim_text(row)}" if _is_asked(row) else ""
    parts = [f"{verdict.replace('_', ' '):<12}  {as_text(row.get('hypothesis'))}{claim}"]
    if effect_text(row) != MISSING:
        parts.append(f"effect {effect_text(row)} ({interval_label(row)}){_holds(row, ', ')}")
        parts.append(f"adjusted p {_p_text(row)} ({correction_text(row)})")
        parts.append(count_text(row))
        parts += filter(None, (sources_text(row), look_text(row), _attempt(row)))
        if more := seeds_missing(row):
            parts.append(f"needs {more} more")
    if cause := cause_text(row):
        parts.append(cause)
    if (status := as_text(row.get("status"))) in UNCONFIRMED:
        parts.append(status)
    return Text("; ".join(parts))


def _attempt(row: dict[Hashable, Any]) -> str:
    """Say which attempt it is; empty of the first."""
    attempt = as_float(row.get("attempt"))
    return f"attempt {attempt:.0f}, which pays for those before" if attempt > 1 else ""


def _named(row: dict[Hashable, Any]) -> Text:
    """A hypothesis with its claim in words below."""
    name = Text(as_text(row.get("hypothesis")))
    return name.append(f"\n{claim_text(row)}", style="dim") if _is_asked(row) else name


def _holds(row: dict[Hashable, Any], before: str) -> str:
    """Where the claim begins to hold, to be read beside its effect; empty without a boundary."""
    bound = boundary_text(row)
    return "" if bound == MISSING else f"{before}claim holds {bound}"


def _is_asked(row: dict[Hashable, Any]) -> bool:
    return bool(as_text(row.get("question")))


def _p_text(row: dict[Hashable, Any]) -> str:
    p, side = deciding_p(row)
    return f"{p} ({side})" if side else p
