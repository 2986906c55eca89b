"""Learning curves: the mean over seeds of every arm, with the band that the seeds leave open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import arm_styles, finish, label, translucent
from latentlab.reporting.tables import arm_order
from latentlab.statistics.intervals import t_quantile

Clock = Literal["epoch", "step"]


def learning_curves(
    history: pd.DataFrame,
    metrics: Sequence[str] | None = None,
    *,
    arms: Sequence[str] | None = None,
    level: float = 0.95,
    along: Clock = "epoch",
) -> go.Figure:
    """Draw one panel per metric: mean over seeds and t band, by epoch or by step.

    Args:
        history: `trial_id, arm, seed, epoch, step, metric, value`. The last step of an epoch
            stands for it. A diverged trial ends where its values end, and n falls there.
        metrics: names of the metrics to draw, in order; all of them when None.
        arms: arms to draw, in the order that decides their colours; all when None.
        level: coverage of the band. Where only one seed is left there is no band.
        along: what counts the training.
    """
    names = list(metrics) if metrics is not None else list(pd.unique(history["metric"]))
    chosen = list(arms) if arms is not None else arm_order(history)
    figure, height, places = subplot_grid(
        [label(name) for name in names], columns=2, panel_height=220, gap=88
    )
    named: set[str] = set()
    for name, (row, col) in zip(names, places, strict=True):
        for arm, style in arm_styles(chosen).items():
            mask = (history["metric"] == name) & (history["arm"] == arm)
            curve = mean_curve(history[mask], level, along)
            if curve.empty:
                continue
            _add_curve(figure, arm, curve, style, (row, col), show_legend=arm not in named)
            named.add(arm)
    figure.update_xaxes(title_text=along)
    # Room for the legend's second row on a narrow page.
    return finish(figure, height, hovermode="x unified", legend={"y": 1 + 40 / (height - 120)})


def mean_curve(history: pd.DataFrame, level: float = 0.95, along: Clock = "epoch") -> pd.DataFrame:
    """Mean, t band and number of seeds at the end of each epoch, of one metric of one arm.

    Returns:
        `at, mean, low, high, n`; `at` is the epoch or its last step; low and high are NaN where n
        is 1.
    """
    finite = history[np.isfinite(history["value"].astype(float))]
    last = finite.sort_values("step", kind="stable").drop_duplicates(
        ["trial_id", "epoch"], keep="last"
    )
    grouped = last.groupby(along)["value"].agg(["mean", "std", "count"]).reset_index()
    counts = grouped["count"].to_numpy()
    quantiles = np.array([t_quantile(level, int(n) - 1) if n > 1 else np.nan for n in counts])
    half = quantiles * grouped["std"].to_numpy() / np.sqrt(counts)
    return pd.DataFrame(
        {
            "at": grouped[along],
            "mean": grouped["mean"],
            "low": grouped["mean"] - half,
            "high": grouped["mean"] + half,
            "n": counts,
        }
    )


def _add_curve(
    figure: go.Figure,
    arm: str,
    curve: pd.DataFrame,
    style: dict[str, str],
    panel: tuple[int, int],
    *,
    show_legend: bool,
) -> None:
    row, col = panel
    band = curve.dropna(subset=["low"])
    interval = "" if band.empty else " [%{customdata[0]:.4g}, %{customdata[1]:.4g}]"
    if not band.empty:
        figure.add_scatter(
            x=np.concatenate([band["at"], band["at"][::-1]]),
            y=np.concatenate([band["high"], band["low"][::-1]]),
            fill="toself",
            fillcolor=translucent(style["colour"], 0.16),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            legendgroup=arm,
            showlegend=False,
            name=f"{label(arm)}, band",
            row=row,
            col=col,
        )
    figure.add_scatter(
        x=curve["at"],
        y=curve["mean"],
        # A single epoch draws no line: without a marker it would be invisible.
        mode="lines" if len(curve) > 1 else "markers",
        line={"color": style["colour"], "width": 2, "dash": style["dash"]},
        marker={"color": style["colour"], "symbol": style["symbol"], "size": 8},
        customdata=curve[["low", "high", "n"]].to_numpy(),
        hovertemplate=f"%{{y:.4g}}{interval}, n = %{{customdata[2]}}",
        legendgroup=arm,
        showlegend=show_legend,
        name=label(arm),
        row=row,
        col=col,
    )
