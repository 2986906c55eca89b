"""A table of words and numbers as a figure of the report."""

from __future__ import annotations

import pandas as pd
from plotly.graph_objects import Figure, Table

from latentlab.reporting.figures.template import finish
from latentlab.reporting.formatting import MISSING


def table_figure(table: pd.DataFrame) -> Figure:
    """Draw a table: column names as they are, numbers with four digits."""
    cells = [[_text(value) for value in table[column]] for column in table]
    figure = Figure(
        Table(
            header={"values": list(table.columns), "align": "left"},
            cells={"values": cells, "align": "left", "height": 24},
        )
    )
    return finish(figure, height=90 + 25 * len(table))


def _text(value: object) -> object:
    if not isinstance(value, float):
        return MISSING if value is None else value
    return MISSING if pd.isna(value) else f"{value:.4g}"
