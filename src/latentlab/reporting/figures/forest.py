"""The verdicts at a glance: effect, interval and declared boundary of every hypothesis.

Effects have different units, so hypotheses cannot share an axis; standardised effects could, but
nobody declared a boundary in standard deviations. Every hypothesis gets its own small panel in its
own unit instead, with zero and its boundary in view.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import (
    NEUTRAL,
    VERDICT_COLOURS,
    VERDICT_SYMBOLS,
    finish,
    label,
)
from latentlab.reporting.formatting import as_float, as_text
from latentlab.reporting.verdict_cells import (
    VERDICTS,
    boundaries,
    boundary_text,
    comparison_text,
    count_text,
    effect_text,
    interval_label,
    verdict_rows,
)

_DASH = "3px,3px"  # a row is short: plotly's own dash would show two pieces
_TOP, _BOTTOM = 78, 76  # margins in pixels, for the legend and for the footnote


def forest_plot(verdicts: pd.DataFrame) -> go.Figure:
    """Draw one row per hypothesis: effect, unadjusted interval, zero, and boundary.

    Args:
        verdicts: the table of verdicts. Hypotheses without an effect are named below the rows.
    """
    every = verdict_rows(verdicts)
    rows = [row for row in every if math.isfinite(as_float(row.get("effect")))]
    titles = [_title(row) for row in rows]
    figure, height, places = subplot_grid(
        titles, columns=1, panel_height=26, gap=64, top=_TOP, bottom=_BOTTOM, horizontal_spacing=0
    )
    figure.update_annotations(x=0, xanchor="left", yshift=1)
    for row, (i, _) in zip(rows, places, strict=True):
        _add_row(figure, row, i)
    figure.update_yaxes(visible=False, range=[-1, 1], fixedrange=True)
    figure.update_xaxes(showgrid=True, nticks=6, tickfont={"size": 11})
    without = [row for row in every if row not in rows]
    figure.add_annotation(
        text=_footnote(without),
        xref="paper",
        yref="paper",
        x=0,
        y=0,
        xanchor="left",
        yanchor="top",
        yshift=-26,
        align="left",
        showarrow=False,
    )
    if rows:
        _add_legend(figure, {as_text(row.get("verdict")) for row in rows})
    margin = {"l": 12, "r": 16, "t": _TOP, "b": _BOTTOM + 16 * len(without)}
    inner = height - _TOP - _BOTTOM
    return finish(
        figure, height + 16 * len(without), margin=margin, legend={"y": 1 + 34 / max(inner, 1)}
    )


def _add_row(figure: go.Figure, row: dict[Hashable, Any], i: int) -> None:
    effect = as_float(row.get("effect"))
    low, high = as_float(row.get("interval_low")), as_float(row.get("interval_high"))
    verdict = as_text(row.get("verdict"))
    colour = VERDICT_COLOURS.get(verdict, NEUTRAL)
    bounds = boundaries(row)
    shown = [value for value in (effect, low, high, 0.0, *bounds) if math.isfinite(value)]
    pad = 0.08 * (max(shown) - min(shown) or 1.0)
    first, last = min(shown) - pad, max(shown) + pad
    # plotly's error bars cannot show an infinite end; a line to the edge of the panel can.
    ends = [first if low == -math.inf else low, last if high == math.inf else high]
    if not any(math.isnan(end) for end in ends):
        figure.add_scatter(
            x=ends,
            y=[0, 0],
            mode="lines",
            line={"color": colour, "width": 3},
            hoverinfo="skip",
            showlegend=False,
            name="interval",
            row=i,
            col=1,
        )
    figure.add_scatter(
        x=[effect],
        y=[0],
        mode="markers",
        marker={"color": colour, "size": 12, "symbol": VERDICT_SYMBOLS.get(verdict, "circle-open")},
        hovertemplate=_hover(row),
        showlegend=False,
        name=label(as_text(row.get("hypothesis"))),
        row=i,
        col=1,
    )
    _add_line(figure, [0.0], "solid", "zero", i)
    _add_line(figure, [bound for bound in bounds if bound != 0], _DASH, "boundary", i)
    figure.update_xaxes(range=[first, last], row=i, col=1)


def _add_line(figure: go.Figure, values: list[float], dash: str, name: str, i: int) -> None:
    """Vertical lines as traces: shapes would not take part in the legend or in the range."""
    for value in values:
        figure.add_scatter(
            x=[value, value],
            y=[-1, 1],
            mode="lines",
            line={"color": NEUTRAL, "width": 2, "dash": dash},
            hoverinfo="skip",
            showlegend=False,
            name=name,
            row=i,
            col=1,
        )


def _add_legend(figure: go.Figure, present: set[str]) -> None:
    for verdict in VERDICTS:
        if verdict in present and verdict in VERDICT_SYMBOLS:
            marker = {
                "color": VERDICT_COLOURS[verdict],
                "size": 11,
                "symbol": VERDICT_SYMBOLS[verdict],
            }
            figure.add_scatter(
                x=[None], y=[None], mode="markers", marker=marker, name=verdict, row=1, col=1
            )
    for name, dash in (("zero", "solid"), ("boundary", _DASH)):
        line = {"color": NEUTRAL, "width": 2, "dash": dash}
        figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name=name, row=1, col=1)


def _title(row: dict[Hashable, Any]) -> str:
    verdict = as_text(row.get("verdict")).replace("_", " ")
    return f"<b>{label(as_text(row.get('hypothesis')))}</b> · {verdict}"


def _footnote(without: list[dict[Hashable, Any]]) -> str:
    lines = ["effect in the claim's own unit, positive = better;", "every row has its own scale"]
    for row in without:
        verdict = as_text(row.get("verdict")).replace("_", " ")
        lines.append(f"no effect: {label(as_text(row.get('hypothesis')))} ({verdict})")
    return "<br>".join(lines)


def _hover(row: dict[Hashable, Any]) -> str:
    lines = [
        label(comparison_text(row)),
        f"effect {effect_text(row)}",
        f"{interval_label(row)}, {count_text(row)}",
        f"boundary: {boundary_text(row)}",
    ]
    return "<br>".join(lines) + "<extra></extra>"
