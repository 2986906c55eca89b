"""Tables of shares or distances as colours: one panel per table, names on both axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from latentlab.core.arrays import AnyArray
from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import PALETTE, empty_figure, finish, label, translucent


@dataclass(frozen=True)
class HeatMap:
    """One table.

    Attributes:
        title: of its panel, already escaped.
        values: what the colours show, `[rows, columns]`; NaN stays empty.
        rows: names of the rows.
        columns: names of the columns.
        counts: what pointing at a cell shows beside its value, `[rows, columns]`.
    """

    title: str
    values: AnyArray
    rows: Sequence[str]
    columns: Sequence[str]
    counts: AnyArray | None = None


def heat_maps(
    maps: Sequence[HeatMap],
    *,
    colours: Mapping[str, Any],
    hover: str,
    row_title: str = "",
    column_title: str = "",
    columns: int = 3,
    panel_height: int = 300,
) -> go.Figure:
    """Draw tables on one colour axis.

    Args:
        maps: the tables; without any the figure is empty.
        colours: the colour axis that all share.
        hover: what pointing at a cell shows, with plotly's `%{x}`, `%{y}`, `%{z}`, `%{customdata}`.
        row_title: what the rows are.
        column_title: what the columns are.
        columns: most panels side by side.
        panel_height: height of a panel in pixels.
    """
    if not maps:
        return empty_figure()
    figure, height, places = subplot_grid(
        [table.title for table in maps], columns=columns, panel_height=panel_height, gap=90, top=60
    )
    for table, (row, col) in zip(maps, places, strict=True):
        figure.add_heatmap(
            z=table.values,
            customdata=table.counts,
            x=[label(name) for name in table.columns],
            y=[label(name) for name in table.rows],
            coloraxis="coloraxis",
            hoverongaps=False,
            xgap=1,
            ygap=1,
            hovertemplate=f"{hover}<extra></extra>",
            row=row,
            col=col,
        )
    name_axes(figure)
    figure.update_xaxes(title_text=column_title)
    figure.update_yaxes(title_text=row_title, col=1)
    return finish(figure, height, coloraxis=dict(colours))


def name_axes(figure: go.Figure) -> None:
    """Make both axes lists of names, the first row on top."""
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticks="")


def share_colours(title: str) -> dict[str, Any]:
    """The colour axis of shares: from the page's own background at 0 to one colour at 1."""
    bar = {"title": title, "tickformat": ".0%", "thickness": 12}
    return {"cmin": 0, "cmax": 1, "colorscale": fading(), "colorbar": bar}


def fading(faintest: float = 0.0) -> list[list[Any]]:
    """A colour scale from the page's own background, or a faint colour, to one colour."""
    return [[0.0, translucent(PALETTE[0], faintest)], [1.0, translucent(PALETTE[0], 1.0)]]
