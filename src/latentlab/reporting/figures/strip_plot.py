"""Every seed of every arm as a point, with lines that join the same seed across arms.

The lines show what a paired test sees: where they run parallel, the seeds agree about the
difference, however far the points of one arm lie apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentlab.metrics.metric import Metric
from latentlab.reporting.figures.template import NEUTRAL, arm_styles, finish, label, translucent
from latentlab.reporting.intervals import MeanInterval
from latentlab.reporting.tables import arm_order, diverged_trials, paired_scores

_ROW = 52


def strip_plot(
    scores: pd.DataFrame,
    metric: Metric,
    *,
    split: str = "test",
    arms: Sequence[str] | None = None,
    trials: pd.DataFrame | None = None,
    level: float = 0.95,
) -> go.Figure:
    """Draw the scores of one metric: a row per arm, a point per seed, the mean and its interval.

    Args:
        scores: tidy scores.
        metric: the metric to draw.
        split: the split to draw.
        arms: arms from top to bottom, in the order that decides their colours; all when None.
        trials: the table of trials; with it, diverged trials are left out, as in the comparison.
        level: coverage of the t intervals of the means.
    """
    chosen = list(arms) if arms is not None else arm_order(scores)
    table = paired_scores(scores, metric.name, split, diverged_trials(trials))
    table = table.reindex(columns=chosen).replace([np.inf, -np.inf], np.nan)
    figure = go.Figure()
    _add_pairs(figure, table)
    ticks = []
    for i, (arm, style) in enumerate(arm_styles(chosen).items()):
        values = table[arm].dropna()
        mean = MeanInterval.of(values, level)
        ticks.append(f"{label(arm)}<br><span style='font-size:11px'>n = {mean.n}</span>")
        if mean.n:
            _add_seeds(figure, arm, values, i, style)
            _add_mean(figure, mean, i, style, level)
    direction = "" if metric.better == "none" else f"{metric.better} is better"
    scale = "claims are about ratios" if metric.scale == "log" else ""
    said = ", ".join(part for part in (label(metric.unit), direction, scale) if part)
    figure.update_xaxes(title_text=label(metric.name) + (f" ({said})" if said else ""))
    figure.update_yaxes(
        tickvals=list(range(len(chosen))),
        ticktext=ticks,
        range=[len(chosen) - 0.4, -0.6],
        showgrid=False,
        ticks="",
    )
    margin = {"l": 56, "r": 16, "t": 12, "b": 52}
    return finish(figure, _ROW * len(chosen) + 76, margin=margin, showlegend=False)


def _add_pairs(figure: go.Figure, table: pd.DataFrame) -> None:
    """One grey line per seed through all arms, as a single trace with breaks."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for values in table.to_numpy(dtype=float):
        for i, value in enumerate(values):
            xs.append(value if np.isfinite(value) else None)
            ys.append(i)
        xs.append(None)
        ys.append(None)
    figure.add_scatter(
        x=xs,
        y=ys,
        mode="lines",
        line={"color": translucent(NEUTRAL, 0.45), "width": 1},
        hoverinfo="skip",
        name="same seed",
    )


def _add_seeds(
    figure: go.Figure, arm: str, values: pd.Series, i: int, style: dict[str, str]
) -> None:
    figure.add_scatter(
        x=values.to_numpy(),
        y=np.full(len(values), i),
        mode="markers",
        marker={"color": style["colour"], "size": 8, "opacity": 0.75, "symbol": style["symbol"]},
        customdata=values.index.to_numpy(),
        hovertemplate=f"{label(arm)}, seed %{{customdata}}: %{{x:.5g}}<extra></extra>",
        name=label(arm),
    )


def _add_mean(
    figure: go.Figure, mean: MeanInterval, i: int, style: dict[str, str], level: float
) -> None:
    """The mean as a tick below the points, so that neither hides the other."""
    below = i + 0.24
    if mean.n > 1:
        figure.add_scatter(
            x=[mean.low, mean.high],
            y=[below, below],
            mode="lines",
            line={"color": style["colour"], "width": 3},
            hoverinfo="skip",
            name="interval",
        )
    interval = (
        f"<br>{100 * level:g} % interval {mean.low:.5g} to {mean.high:.5g}" if mean.n > 1 else ""
    )
    figure.add_scatter(
        x=[mean.mean],
        y=[below],
        mode="markers",
        marker={
            "symbol": "line-ns",
            "size": 12,
            "line": {"color": style["colour"], "width": 3},
        },
        hovertemplate=f"mean %{{x:.5g}}, n = {mean.n}{interval}<extra></extra>",
        name="mean",
    )
