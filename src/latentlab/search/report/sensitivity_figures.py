"""Maps of a grid: the score over the numbers of each branch, apart for both values of a switch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import NEUTRAL, arm_styles, finish, label
from latentlab.search.table import Objective

_DECADE = 10.0
"""Positive values that span more than this are shown on a log axis."""
_DODGE = 0.012
"""Of the axis: neighbouring lines stand so far apart, so that no interval hides another."""
_MOST_TEXTS = 80
"""Cells of a map; in more, numbers would not be readable."""

_AVERAGED = "Means over seeds, and over other parameters where there are any."
_INTERVALS = "Bars: 95 % t intervals over seeds."
_COLOURS = "Colours end at Tukey's outer fences, so that a few failures do not take them all."
_LOST = "all configurations of the cell diverged or failed"


def sensitivity_figures(
    cells: pd.DataFrame, objective: Objective
) -> dict[str, tuple[go.Figure, str]]:
    """One figure per branch: lines over one number, a map for each value of the switch over two.

    Args:
        cells: as `sensitivity` gives them.
        objective: of the means.

    Returns:
        Figures and captions by title.
    """
    found = {}
    for (parameter, branch), part in cells.groupby(["parameter", "branch"], sort=False):
        title = f"Sensitivity with {parameter} = {branch}" if parameter else "Sensitivity"
        if part["p2"].iloc[0]:
            found[title] = _maps(part, objective), f"{_AVERAGED} A cross: {_LOST}. {_COLOURS}"
        else:
            found[title] = _lines(part, objective), f"{_AVERAGED} {_INTERVALS} A gap: {_LOST}."
    return found


def _lines(part: pd.DataFrame, objective: Objective) -> go.Figure:
    """Mean and interval over one number, a line for each value of the switch."""
    figure = go.Figure()
    ticks = sorted(part["x"].unique())
    log = ticks[0] > 0 and ticks[-1] / ticks[0] > _DECADE
    places = {value: math.log10(value) if log else value for value in ticks}
    gap = _DODGE * (places[ticks[-1]] - places[ticks[0]])
    sides = list(part["switch_value"].unique())
    for number, (side, style) in enumerate(arm_styles(sides).items()):
        mine = part[part["switch_value"] == side]
        shift = gap * (number - (len(sides) - 1) / 2)
        figure.add_scatter(
            x=[places[value] + shift for value in mine["x"]],
            y=mine["mean"],
            mode="lines+markers",
            name=_side(mine),
            showlegend=bool(side),
            line={"color": style["colour"], "dash": style["dash"]},
            marker={"symbol": style["symbol"], "size": 9},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": (mine["high"] - mine["mean"]).fillna(0),
                "arrayminus": (mine["mean"] - mine["low"]).fillna(0),
                "thickness": 1.5,
            },
            **_hover(mine),
        )
    figure.update_xaxes(
        title=label(part["p1"].iloc[0]),
        tickvals=list(places.values()),
        ticktext=_texts(ticks),
    )
    figure.update_yaxes(title=label(objective.name))
    return finish(figure, 420)


def _maps(part: pd.DataFrame, objective: Objective) -> go.Figure:
    """Means in the cells of two numbers, a map for each value of the switch, one scale for all."""
    sides = list(part["switch_value"].unique())
    titles = [_side(part[part["switch_value"] == side]) for side in sides]
    figure, height, places = subplot_grid(titles, columns=2, panel_height=280, top=40)
    for side, (row, column) in zip(sides, places, strict=True):
        mine = part[part["switch_value"] == side]
        figure.add_heatmap(
            x=_texts(mine["x"]),
            y=_texts(mine["y"]),
            z=mine["mean"],
            text=_texts(mine["mean"], digits=3),
            texttemplate="%{text}" if len(mine) <= _MOST_TEXTS else "",
            textfont={"size": 11},
            coloraxis="coloraxis",
            xgap=2,
            ygap=2,
            row=row,
            col=column,
            **_hover(mine),
        )
        lost = mine[mine["mean"].isna() & (mine["lost"] > 0)]
        figure.add_scatter(
            x=_texts(lost["x"]),
            y=_texts(lost["y"]),
            mode="markers",
            name="all lost",
            showlegend=False,
            marker={"color": NEUTRAL, "symbol": "x", "size": 10},
            row=row,
            col=column,
            **_hover(lost),
        )
    for update, name, values in (
        (figure.update_xaxes, "p1", part["x"]),
        (figure.update_yaxes, "p2", part["y"]),
    ):
        order = _texts(sorted(values.unique()))
        update(type="category", categoryarray=order, showgrid=False)
        update(title=label(part[name].iloc[0]))
    low, high = _fences(part["mean"])
    figure.update_layout(
        coloraxis={
            "cmin": low,
            "cmax": high,
            "colorscale": "Viridis",
            "reversescale": objective.direction == "minimize",
            "colorbar": {"title": label(objective.name)},
        }
    )
    return finish(figure, height)


def _fences(means: pd.Series) -> tuple[float, float]:
    """Ends of the colours: the means, or Tukey's (1977) outer fences where some lie beyond.

    A few cells that failed would otherwise take all colours from those that did not.
    """
    lower, upper = means.quantile(0.25), means.quantile(0.75)
    reach = 3 * (upper - lower)
    return max(means.min(), lower - reach), min(means.max(), upper + reach)


def _side(part: pd.DataFrame) -> str:
    """What a line or a map is of."""
    switch, value = part["switch"].iloc[0], part["switch_value"].iloc[0]
    return label(f"{switch} = {value}") if switch else ""


def _texts(values: Iterable[float], digits: int = 6) -> list[str]:
    return ["" if math.isnan(value) else f"{value:.{digits}g}" for value in values]


def _hover(part: pd.DataFrame) -> dict[str, Any]:
    """What a cell says when it is pointed at."""
    columns = ["mean", "low", "high", "configurations", "seeds", "lost"]
    return {
        "customdata": part[columns].to_numpy(dtype=float),
        "hovertemplate": "%{customdata[0]:.4g} [%{customdata[1]:.4g}, %{customdata[2]:.4g}], "
        "%{customdata[3]} configurations on %{customdata[4]} seeds, %{customdata[5]} lost"
        "<extra></extra>",
    }
