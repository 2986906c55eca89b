"""Figures as they are printed: the digits, how they were rounded, and what is bold."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from latentlab.core.errors import UserError

_NUMBER = re.compile(
    r"[~≈]?(?P<number>[-+−]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+)(?:[eE][-+]?\d\d?)?)"
    r"\s?(?P<unit>%|[KkM])?(?:\s*(?:±|\+/-)\s*(?P<spread>\d*\.?\d+)\s?%?)?"
)
_TIMES = {"%": 0.01, "K": 1e3, "k": 1e3, "M": 1e6}
_ABSENT = {"", "-", "–", "—", "n/a", "na", "nan"}
_RULE = re.compile(r":?-+:?")
_EXACT = 1e-12
"""What arithmetic in binary leaves, relative to the value."""


@dataclass(frozen=True)
class Figure:
    """One printed number.

    Attributes:
        text: as printed, without marks.
        value: per cent are shares, and `50K` is 50,000.
        half: half a unit of the last digit: the number that was rounded lies no further off.
        spread: what stands after `±`, in the unit of the value; none where nothing does.
    """

    text: str
    value: float
    half: float
    spread: float | None = None

    @property
    def low(self) -> float:
        """The smallest number that would be printed so."""
        return self.value - self.half - _EXACT * abs(self.value)

    @property
    def high(self) -> float:
        """The largest number that would be printed so."""
        return self.value + self.half + _EXACT * abs(self.value)


def figure(text: str) -> Figure | None:
    """Read one number as printed; none where the cell is empty.

    Raises:
        UserError: it is no number.

    Example:
        >>> figure("63.80%").low < 0.638 < figure("63.80%").high, figure("0.71 ± 0.02").spread
        (True, 0.02)
    """
    plain = unmarked(text)
    if plain.lower() in _ABSENT:
        return None
    found = _NUMBER.fullmatch(plain)
    if found is None:
        raise UserError(
            f"'{plain}' is no number",
            "Write it as 0.286, 28.6 %, 50K or 0.71 ± 0.02, or leave it out",
        )
    digits = found["number"].replace(",", "").replace("−", "-")
    times = _TIMES.get(found["unit"] or "", 1.0)
    mantissa, _, power = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(power or 0)
    spread = None if found["spread"] is None else float(found["spread"]) * times
    return Figure(plain, float(digits) * times, 0.5 * 10.0**-decimals * times, spread)


def unmarked(cell: str) -> str:
    """Return a cell without the stars and ticks of Markdown."""
    return cell.strip().strip("*`_").strip()


def is_bold(cell: str) -> bool:
    """Whether Markdown prints a cell in bold."""
    return cell.strip().startswith("**")


def read_table(text: str) -> pd.DataFrame:
    """Read a table in Markdown.

    Args:
        text: lines of cells between bars: a heading, a line of dashes, and the rows.

    Returns:
        Cells with their marks, one row per line; the index is the first column without marks, and
        so are the columns' names.

    Raises:
        UserError: a line has another number of cells, or a name comes twice or is empty.
    """
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = [row for row in rows if not all(_RULE.fullmatch(cell) for cell in row)]
    if len(rows) < 2:
        raise UserError("there are no rows in it", "Write a heading, a line of dashes and rows")
    heading, *body = rows
    for row in body:
        if len(row) != len(heading):
            raise UserError(
                f"the row '{row[0]}' has {len(row)} cells, the heading {len(heading)}",
                "Write one cell a column, empty where there is no figure",
            )
    columns, names = [unmarked(name) for name in heading], [unmarked(row[0]) for row in body]
    for name in (*columns[1:], *names):
        if not name or columns[1:].count(name) > 1 or names.count(name) > 1:
            raise UserError(
                f"the name '{name}' is empty or given twice", "Give every row and column its own"
            )
    return pd.DataFrame([row[1:] for row in body], index=names, columns=columns[1:], dtype=object)
