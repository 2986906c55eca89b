"""Figures of a sweep, from the tables of its analysis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import NEUTRAL, PALETTE, finish, label
from latentlab.search.analysis import Analysis
from latentlab.search.parameters import CategoricalParameter
from latentlab.search.table import SweepTable

_MOST_LINES = 1000
"""Configurations drawn in parallel coordinates; of more, the best and an even share of the rest."""


def importance_figure(importances: pd.DataFrame) -> go.Figure:
    """PED-ANOVA's importances with bootstrap interval, and the band that chance alone reaches."""
    rows = importances[importances["null_high_all"].notna()].sort_values("importance")
    names = [_named(row) for row in rows.to_dict("records")]
    figure = go.Figure()
    figure.add_bar(
        x=rows["null_high_all"],
        y=names,
        orientation="h",
        name="reached by chance (95 %, all together)",
        marker={"color": NEUTRAL, "opacity": 0.35},
        width=0.8,
    )
    figure.add_scatter(
        x=rows["importance"],
        y=names,
        mode="markers",
        name="importance [95 % bootstrap]",
        marker={"color": PALETTE[0], "size": 9},
        error_x=_errors(rows, "importance"),
    )
    figure.update_layout(barmode="overlay", xaxis_title="importance (PED-ANOVA)")
    return finish(figure, 140 + 34 * max(len(rows), 2))


def rank_correlation_figure(correlations: pd.DataFrame) -> go.Figure:
    """Rank correlation of every number with the score, its interval and its own n."""
    rows = correlations.sort_values("rho")
    figure = go.Figure()
    for place, tier in enumerate(("high", "moderate", "open", "untestable")):
        part = rows[rows["tier"] == tier]
        figure.add_scatter(
            x=part["rho"],
            y=[label(f"{row.parameter} (n {row.n})") for row in part.itertuples()],
            mode="markers",
            name=tier,
            marker={"color": (*PALETTE[:2], NEUTRAL, NEUTRAL)[place], "size": 10},
            error_x=_errors(part, "rho"),
        )
    figure.add_vline(x=0, line={"color": NEUTRAL, "dash": "dot"})
    figure.update_xaxes(range=[-1.05, 1.05], title="Spearman's rho (positive: more is better)")
    return finish(figure, 150 + 34 * max(len(rows), 2))


def slice_figure(analysis: Analysis, table: SweepTable) -> go.Figure:
    """The score over every parameter, the elites marked."""
    names = list(analysis.slices["parameter"].unique())
    figure, height, places = subplot_grid(
        [label(name) for name in names], columns=3, panel_height=180
    )
    elites = set(analysis.rows.loc[analysis.rows["elite"], "configuration"])
    for name, (row, column) in zip(names, places, strict=True):
        part = analysis.slices[analysis.slices["parameter"] == name]
        elite = part["configuration"].isin(elites).to_numpy()
        values = _axis_values(part["x"], table, name)
        for group, text, colour in ((~elite, "others", NEUTRAL), (elite, "elites", PALETTE[1])):
            figure.add_scatter(
                x=[value for value, chosen in zip(values, group, strict=True) if chosen],
                y=part["value"][group],
                mode="markers",
                name=text,
                legendgroup=text,
                showlegend=name == names[0],
                marker={"color": colour, "size": 6, "opacity": 0.8},
                row=row,
                col=column,
            )
        if _is_log(table, name):
            figure.update_xaxes(type="log", row=row, col=column)
    figure.update_yaxes(title=label(table.objective.name), col=1)
    return finish(figure, height)


def parallel_figure(analysis: Analysis, table: SweepTable) -> go.Figure:
    """Every complete configuration as a line through its parameters, coloured by its score."""
    rows = analysis.rows[analysis.rows["state"] == "complete"]
    value = table.objective.name
    if len(rows) > _MOST_LINES:
        ranked = rows.sort_values(value, ascending=table.objective.direction == "minimize")
        half = _MOST_LINES // 2
        rows = pd.concat([ranked.iloc[:half], ranked.iloc[half :: max(1, len(ranked) // half)]])
    dimensions = [_dimension(rows[name], table, name) for name in table.space.parameters]
    dimensions.append({"label": label(value), "values": rows[value].tolist()})
    figure = go.Figure(
        go.Parcoords(
            line={
                "color": rows[value],
                "colorscale": "Viridis",
                "reversescale": table.objective.direction == "minimize",
                "showscale": True,
            },
            dimensions=dimensions,
        )
    )
    return finish(figure, 440, margin={"l": 80, "r": 80, "t": 80, "b": 40})


def contour_figure(data: pd.DataFrame, first: str, second: str, table: SweepTable) -> go.Figure:
    """Two parameters and the score as colour: every point is a configuration that was run."""
    figure = go.Figure(
        go.Scatter(
            x=_axis_values(data["p1"], table, first),
            y=_axis_values(data["p2"], table, second),
            mode="markers",
            marker={
                "color": data["value"],
                "colorscale": "Viridis",
                "size": 11,
                "showscale": True,
                "colorbar": {"title": label(table.objective.name)},
            },
            text=[f"configuration {number}" for number in data["configuration"]],
        )
    )
    figure.update_xaxes(title=label(first), type="log" if _is_log(table, first) else None)
    figure.update_yaxes(title=label(second), type="log" if _is_log(table, second) else None)
    return finish(figure, 420)


def convergence_figure(curve: pd.DataFrame, name: str) -> go.Figure:
    """The best so far against the expected best of as many random configurations."""
    figure = go.Figure()
    figure.add_scatter(
        x=curve["complete"],
        y=curve["value"],
        mode="markers",
        name="configuration",
        marker={"color": NEUTRAL, "size": 6},
    )
    figure.add_scatter(
        x=curve["complete"],
        y=curve["best_so_far"],
        mode="lines",
        name="best so far",
        line={"color": PALETTE[0], "shape": "hv"},
    )
    figure.add_scatter(
        x=curve["complete"],
        y=curve["expected_random"],
        mode="lines",
        name="expected best of as many that did not adapt",
        line={"color": PALETTE[1], "dash": "dash"},
    )
    figure.update_layout(xaxis_title="complete configurations", yaxis_title=label(name))
    return finish(figure, 420)


def pareto_figure(front: pd.DataFrame, table: SweepTable) -> go.Figure:
    """The first two objectives, with the configurations that none is better than in both."""
    first, second = (objective.name for objective in table.objectives[:2])
    done = table.outcomes[table.complete]
    figure = go.Figure()
    figure.add_scatter(
        x=done[first], y=done[second], mode="markers", name="others", marker={"color": NEUTRAL}
    )
    figure.add_scatter(
        x=front[first],
        y=front[second],
        mode="markers",
        name="front",
        marker={"color": PALETTE[1], "size": 10},
    )
    figure.update_layout(xaxis_title=label(first), yaxis_title=label(second))
    return finish(figure, 420)


def _named(row: dict[Any, Any]) -> str:
    regime = "" if row["regime"] == "all rows" else f" where {row['regime']}"
    return label(f"{row['parameter']}{regime} (n {row['n']})")


def _errors(rows: pd.DataFrame, centre: str) -> dict[str, Any]:
    """Interval bars from the columns `low` and `high`."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["high"] - rows[centre]).clip(lower=0).fillna(0),
        "arrayminus": (rows[centre] - rows["low"]).clip(lower=0).fillna(0),
        "thickness": 1.5,
    }


def _is_log(table: SweepTable, name: str) -> bool:
    return bool(getattr(table.space.parameters[name], "log", False))


def _axis_values(values: Sequence[Any] | pd.Series, table: SweepTable, name: str) -> list[Any]:
    """Choices as text, so that an axis does not take them for numbers."""
    if isinstance(table.space.parameters[name], CategoricalParameter):
        return [label(value) for value in values]
    return [float(value) for value in values]


def _dimension(column: pd.Series, table: SweepTable, name: str) -> dict[str, Any]:
    """One axis of the parallel coordinates; where a parameter does not exist, below the others."""
    parameter = table.space.parameters[name]
    if isinstance(parameter, CategoricalParameter):
        texts = [label(choice) for choice in parameter.choices]
        places = [texts.index(label(v)) if _there(v) else -1 for v in column]
        ticks = list(range(len(texts)))
    else:
        numbers = column.astype(float).to_numpy()
        if parameter.log:
            numbers = np.log10(numbers)
        low, high = np.nanmin(numbers), np.nanmax(numbers)
        gap = 0.2 * (high - low or 1.0)
        places = np.where(np.isfinite(numbers), numbers, low - gap).tolist()
        ticks = np.linspace(low, high, 5).tolist()
        texts = [f"{10**tick if parameter.log else tick:.3g}" for tick in ticks]
    if any(not _there(v) for v in column):
        low_tick = min(places)
        ticks, texts = [low_tick, *ticks], ["-", *texts]
    return {"label": label(name), "values": places, "tickvals": ticks, "ticktext": texts}


def _there(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and np.isnan(value))
