"""Grids of panels whose gaps are given in pixels.

plotly measures gaps between subplots as shares of the figure, so the gaps of a tall figure grow
with it. Titles and axis labels have a fixed size; gaps that hold them need one as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from latentlab.reporting.figures.template import panel_grid


def subplot_grid(
    titles: Sequence[str],
    *,
    columns: int,
    panel_height: int,
    gap: int = 72,
    top: int = 70,
    bottom: int = 50,
    **subplots: Any,
) -> tuple[go.Figure, int, list[tuple[int, int]]]:
    """Lay out one panel per title.

    Args:
        titles: panel titles, already escaped.
        columns: most panels side by side.
        panel_height: height of one plotting area in pixels.
        gap: pixels between rows, for axis labels and the next title.
        top: margin above the first row, in pixels (legend and title).
        bottom: margin below the last row, in pixels.
        **subplots: passed on to `plotly.subplots.make_subplots`.

    Returns:
        The figure, its height in pixels, and the (row, column) of every panel.
    """
    rows, columns = panel_grid(len(titles), columns)
    inner = rows * panel_height + (rows - 1) * gap
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[*titles, *[""] * (rows * columns - len(titles))],
        vertical_spacing=gap / inner if rows > 1 else 0,
        horizontal_spacing=subplots.pop("horizontal_spacing", 0.09 if columns > 1 else 0),
        **subplots,
    )
    places = [(i // columns + 1, i % columns + 1) for i in range(len(titles))]
    # An empty corner of the grid would show bare axes.
    for i in range(len(titles), rows * columns):
        place = {"row": i // columns + 1, "col": i % columns + 1}
        figure.update_xaxes(visible=False, **place)
        figure.update_yaxes(visible=False, **place)
    figure.update_annotations(font={"size": 13})
    figure.update_layout(margin={"l": 56, "r": 16, "t": top, "b": bottom})
    return figure, inner + top + bottom, places
