"""What stands in a cell of a table or beside a name: a text and what belongs to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from latentlab.reporting.formatting import as_text, format_number

if TYPE_CHECKING:
    from latentlab.reporting.forest_row import ForestRow

_NUMERIC = re.compile(r"(?:inf|e|[-+<>\[\]\d.,%▲▼≠\s])+")
"""Numbers, intervals and p-values, which a page must not break."""


@dataclass(frozen=True)
class Cell:
    """A text with lines that belong to it.

    Attributes:
        text: what the cell says; may have several lines.
        details: said more quietly below it: an interval, a unit, a correction.
        verdict: gives the text the colour and the symbol of this verdict; empty for ordinary text.
        picture: drawn above the text, which says the same more briefly.
        shade: `better-1` to `better-3` or `worse-1` to `worse-3`; empty for none.
        hover: the cell in words, shown where it is pointed at or focused.
    """

    text: str
    details: tuple[str, ...] = ()
    verdict: str = ""
    picture: ForestRow | None = None
    shade: str = ""
    hover: str = ""

    def __str__(self) -> str:
        """Everything in one line: an interval follows its number, the rest is in parentheses."""
        beside = [detail for detail in self.details if detail.startswith("[")]
        others = "; ".join(detail for detail in self.details if not detail.startswith("["))
        return " ".join([self.text, *beside, *([f"({others})"] if others else [])])

    @property
    def is_numeric(self) -> bool:
        """Whether the text is a number or an interval; a longer list of numbers is not."""
        return _NUMERIC.fullmatch(self.text) is not None and self.text.count(", ") < 2


def as_cell(value: object) -> Cell:
    """Any value as a cell: numbers are shortened, truth values are words, NaN is empty."""
    if isinstance(value, Cell):
        return value
    if isinstance(value, float | np.floating):
        number = float(value)
        return Cell(format_number(number) if np.isfinite(number) else as_text(number))
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no")
    return Cell(as_text(value))
