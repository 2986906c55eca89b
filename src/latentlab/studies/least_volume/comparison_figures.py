"""Figures of what choices cost and bring: error against dimensions, sensitivity, spectral norm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import (
    NEUTRAL,
    PALETTE,
    arm_styles,
    empty_figure,
    error_bars,
    finish,
    label,
)
from latentlab.reporting.figures.trials import add_arm
from latentlab.reporting.intervals import MeanInterval
from latentlab.reporting.tables import paired_scores
from latentlab.studies.least_volume.axes import log_axis

Flat = Mapping[str, Any]
"""A configuration with dotted keys."""
Scale = Callable[[Any], Any]
"""From the unit of a metric to that of an axis."""

ERROR, LOG_ERROR, ACTIVE, FAILED = (
    "reconstruction_error",
    "log_reconstruction_error",
    "active_dimensions",
    "failed",
)
VARIED = (
    "objective.pruning.threshold",
    "objective.pruning.alpha",
    "objective.pruning.percentile",
    "objective.pruning.start_epoch",
    "objective.volume_weight",
    "model.lipschitz_bound",
)
NORM, POLICY = "model.spectral_norm", "objective.pruning.policy"
BOUND = ("model.lipschitz_bound", "model.bound_of")
"""Without a spectral norm these mean nothing."""
WIDE = 8.0
"""Ratio of the largest to the smallest value from which a parameter is drawn on a log axis."""


def frontier(scores: pd.DataFrame, arms: Sequence[str], *, split: str = "test") -> go.Figure:
    """Draw the reconstruction error against the active dimensions: a point per trial.

    Args:
        scores: tidy scores `trial_id, arm, seed, split, metric, value`.
        arms: arms in the order that decides their colours.
        split: the split to draw.
    """
    chosen = scores[(scores["split"] == split) & scores["metric"].isin([ERROR, ACTIVE, FAILED])]
    wide = chosen.pivot_table(index=["arm", "seed"], columns="metric", values="value")
    points = wide.reindex(columns=[ERROR, ACTIVE, FAILED]).dropna(subset=[ERROR, ACTIVE])
    points = points.reset_index()
    figure = go.Figure()
    for arm, style in arm_styles(arms).items():
        own = points[points["arm"] == arm]
        if not own.empty:
            _add_arm(figure, arm, own, style)
    figure.update_xaxes(title_text="active dimensions")
    figure.update_yaxes(title_text="reconstruction error", **log_axis(points[ERROR]))
    # The legend takes height: four arms a row on an ordinary page.
    return finish(figure, 400 + 30 * -(-len(arms) // 4))


def variations(configs: Mapping[str, Flat], parameter: str) -> dict[str, dict[float, str]]:
    """Arms that differ in nothing but one parameter.

    Returns:
        By the first arm of each group of at least two: the arm of each value, by rising value.
    """
    groups: dict[str, dict[float, str]] = {}
    for arm, config in configs.items():
        rest = {key: value for key, value in config.items() if key != parameter}
        group = groups.setdefault(json.dumps(rest, sort_keys=True), {})
        group.setdefault(float(config[parameter]), arm)
    return {
        next(iter(group.values())): dict(sorted(group.items()))
        for group in groups.values()
        if len(group) > 1
    }


def sensitivity(
    scores: pd.DataFrame, configs: Mapping[str, Flat], *, split: str = "test"
) -> go.Figure:
    """Draw error and active dimensions against each parameter in which alone arms differ.

    Args:
        scores: tidy scores.
        configs: the configuration of each arm, in the order that decides the colours.
        split: the split to draw.

    Left the geometric mean of the error, right the mean number of dimensions, both with 95 % t
    intervals over seeds. A line joins arms that agree in all else; it has the name of the first.
    """
    varied = {name: variations(configs, name) for name in VARIED}
    varied = {name: lines for name, lines in varied.items() if lines}
    if not varied:
        return empty_figure()
    figure, height, places = subplot_grid(
        ["reconstruction error", "active dimensions", *[""] * (2 * len(varied) - 2)],
        columns=2,
        panel_height=190,
        gap=64,
        top=110,
    )
    styles = arm_styles(list(configs))
    columns: tuple[tuple[str, Scale], ...] = ((LOG_ERROR, np.exp), (ACTIVE, np.asarray))
    named: set[str] = set()
    for i, (name, lines) in enumerate(varied.items()):
        for (metric, scale), (row, col) in zip(columns, places[2 * i : 2 * i + 2], strict=True):
            values = paired_scores(scores, metric, split)
            shown: list[float] = []
            for first, arm_of in lines.items():
                means = [MeanInterval.of(values.get(arm, [])) for arm in arm_of.values()]
                trace = _line(list(arm_of), means, scale, styles[first])
                trace.update(name=label(first), legendgroup=first, showlegend=first not in named)
                named.add(first)
                figure.add_trace(trace, row=row, col=col)
                shown += [scale(end) for m in means for end in (m.mean, m.low, m.high)]
            ticks = sorted({value for arm_of in lines.values() for value in arm_of})
            figure.update_xaxes(title_text=name.split(".")[-1], row=row, col=col, **_ticks(ticks))
            vertical = log_axis(shown) if metric == LOG_ERROR else {"rangemode": "tozero"}
            figure.update_yaxes(row=row, col=col, **vertical)
    return finish(figure, height, legend={"y": 1 + 30 / (height - 160)})


def norm_pairs(configs: Mapping[str, Flat]) -> list[tuple[str, str]]:
    """Arms with and without a spectral norm that agree in all else, by policy."""

    def rest(config: Flat) -> str:
        kept = {k: v for k, v in config.items() if k != NORM and k not in BOUND}
        return json.dumps(kept, sort_keys=True)

    without = {rest(config): arm for arm, config in configs.items() if config[NORM] == "none"}
    pairs = [
        (arm, without[rest(config)])
        for arm, config in configs.items()
        if config[NORM] != "none" and rest(config) in without
    ]
    policies = list(dict.fromkeys(config[POLICY] for config in configs.values()))
    return sorted(pairs, key=lambda pair: policies.index(configs[pair[0]][POLICY]))


def norm_differences(
    scores: pd.DataFrame, configs: Mapping[str, Flat], *, split: str = "test"
) -> go.Figure:
    """Draw what a spectral norm changes: arms with it minus the same without, seed by seed.

    Args:
        scores: tidy scores.
        configs: the configuration of each arm.
        split: the split to draw.
    """
    pairs = norm_pairs(configs)
    if not pairs:
        return empty_figure()
    titles = {LOG_ERROR: "log error", ACTIVE: "dimensions", FAILED: "failed"}
    figure, height, places = subplot_grid(
        list(titles.values()),
        columns=3,
        panel_height=44 * len(pairs),
        top=96,
        shared_yaxes=True,
        horizontal_spacing=0.04,
    )
    policies = list(dict.fromkeys(configs[treated][POLICY] for treated, _ in pairs))
    for metric, (row, col) in zip(titles, places, strict=True):
        values = paired_scores(scores, metric, split)
        for number, policy in enumerate(policies):
            rows = [i for i, (treated, _) in enumerate(pairs) if configs[treated][POLICY] == policy]
            means = [
                MeanInterval.of(values[pairs[i][0]] - values[pairs[i][1]])
                if set(pairs[i]) <= set(values)
                else MeanInterval.of([])
                for i in rows
            ]
            trace = _bars(rows, means, PALETTE[number % len(PALETTE)])
            trace.update(name=label(policy), legendgroup=policy, showlegend=col == 1)
            figure.add_trace(trace, row=row, col=col)
        figure.add_vline(0, line={"color": NEUTRAL, "width": 1}, row=row, col=col)
        figure.update_xaxes(title_text="difference", row=row, col=col)
    figure.update_yaxes(
        tickvals=list(range(len(pairs))),
        ticktext=[
            f"{label(treated)}<br><span style='font-size:11px'>− {label(plain)}</span>"
            for treated, plain in pairs
        ],
        range=[len(pairs) - 0.5, -0.5],
        showgrid=False,
        ticks="",
    )
    return finish(figure, height, legend={"y": 1 + 30 / (height - 146)})


def _add_arm(figure: go.Figure, arm: str, own: pd.DataFrame, style: dict[str, str]) -> None:
    """The trials of an arm, open where they failed, and their mean."""
    add_arm(
        figure,
        arm,
        (own[ACTIVE], own[ERROR]),
        (own[ACTIVE].mean(), np.exp(np.log(own[ERROR]).mean())),
        own["seed"].tolist(),
        style,
        seed_hover="%{x} dimensions, error %{y:.4g}",
        mean_hover="%{x:.4g} dimensions, error %{y:.4g}",
        symbols=[f"{style['symbol']}{'-open' if failed else ''}" for failed in own[FAILED] > 0],
    )


def _line(
    values: Sequence[float],
    means: Sequence[MeanInterval],
    scale: Scale,
    style: dict[str, str],
) -> go.Scatter:
    """Means with their intervals, on the scale of the axis."""
    centre = scale([mean.mean for mean in means])
    return go.Scatter(
        x=values,
        y=centre,
        error_y=error_bars(
            centre,
            scale([mean.low for mean in means]),
            scale([mean.high for mean in means]),
            width=3,
        ),
        mode="lines+markers",
        line={"color": style["colour"], "dash": style["dash"], "width": 2},
        marker={"color": style["colour"], "symbol": style["symbol"], "size": 8},
        customdata=[mean.n for mean in means],
        hovertemplate="%{x}: %{y:.4g}, n = %{customdata}<extra></extra>",
    )


def _bars(rows: Sequence[int], means: Sequence[MeanInterval], colour: str) -> go.Scatter:
    """Differences with their intervals, a row each."""
    return go.Scatter(
        x=[mean.mean for mean in means],
        y=list(rows),
        error_x=error_bars(
            [mean.mean for mean in means],
            [mean.low for mean in means],
            [mean.high for mean in means],
            width=4,
            thickness=2.5,
        ),
        mode="markers",
        marker={"color": colour, "size": 10},
        customdata=[[mean.low, mean.high, mean.n] for mean in means],
        hovertemplate="%{x:.4g} [%{customdata[0]:.4g}, %{customdata[1]:.4g}], "
        "n = %{customdata[2]}<extra></extra>",
    )


def _ticks(values: Sequence[float]) -> dict[str, Any]:
    """An axis with a tick at every value that was tried."""
    wide = values[0] > 0 and values[-1] / values[0] >= WIDE
    return {
        "type": "log" if wide else "linear",
        "tickvals": list(values),
        "ticktext": [f"{value:g}" for value in values],
    }
