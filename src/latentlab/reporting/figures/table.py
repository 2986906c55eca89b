"""A table of words and numbers as a figure of the report."""

from __future__ import annotations

import math

import pandas as pd
from plotly.graph_objects import Figure, Table

from latentlab.reporting.figures.template import finish
from latentlab.reporting.formatting import MISSING

_PAGE = 950
"""Pixels that a table is wide on a report's page; a narrower one lets the table scroll."""
_CHARACTER, _LINE, _PADDING = 7.5, 17, 2
_LOST = 3
"""Characters at the end of a line that the next word did not fit into, on average."""
_WIDEST = 48
"""Most characters that a column is given room for, where others are short."""


def table_figure(table: pd.DataFrame) -> Figure:
    """Draw a table: column names as they are, numbers with four digits, long texts in lines."""
    cells = [[_text(value) for value in table[column]] for column in table]
    columns = [[str(name), *map(str, column)] for name, column in zip(table, cells, strict=True)]
    widths = _widths(columns)
    room = _PAGE / _CHARACTER / max(sum(widths), 1)
    lines = [
        max(
            math.ceil(len(cell) / max(width * room - _PADDING - _LOST, 1))
            for cell, width in zip(row, widths, strict=True)
        )
        for row in zip(*columns, strict=True)
    ]
    figure = Figure(
        Table(
            columnwidth=widths,
            header={"values": list(table.columns), "align": "left"},
            cells={"values": cells, "align": "left", "height": 24},
        )
    )
    height = sum(max(25, _LINE * count + 12) for count in lines)
    return finish(figure, height=50 + height, margin={"l": 0, "r": 0, "t": 16, "b": 16})


def _widths(columns: list[list[str]]) -> list[int]:
    """Characters of room for each column: its longest word at least, and more where there is."""
    words = [
        max(len(word) for cell in column for word in [*cell.split(), ""]) for column in columns
    ]
    longest = [max(map(len, column)) for column in columns]
    widths = words
    for widest in range(_WIDEST, 0, -1):
        pairs = zip(words, longest, strict=True)
        widths = [max(word, min(length, widest)) + _PADDING for word, length in pairs]
        if sum(widths) * _CHARACTER <= _PAGE:
            break
    return widths


def _text(value: object) -> object:
    if not isinstance(value, float):
        return MISSING if value is None else value
    return MISSING if pd.isna(value) else f"{value:.4g}"
