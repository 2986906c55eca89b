"""The latent units of a model over its training: which carry something, and since when not."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import PALETTE, finish

SEEDS = 6
"""Panels at most."""
_NAMES = {True: "on at the end", False: "off at the end"}
_STYLES = {
    True: {"color": PALETTE[0], "width": 1.6},
    False: {"color": PALETTE[1], "width": 1.2, "dash": "dot"},
}


def unit_curves(record: pd.DataFrame) -> go.Figure:
    """Draw the KL of every unit by epoch, a panel a seed.

    Args:
        record: columns seed, epoch, unit, kl (nats), on.
    """
    seeds = list(record["seed"].unique())[:SEEDS]
    figure, height, places = subplot_grid(
        [f"seed {seed}" for seed in seeds], columns=3, panel_height=180, shared_yaxes="all"
    )
    named: set[bool] = set()
    for seed, (row, col) in zip(seeds, places, strict=True):
        for unit, curve in record[record["seed"] == seed].groupby("unit"):
            on = bool(curve.sort_values("epoch")["on"].iloc[-1])
            figure.add_scatter(
                x=curve["epoch"],
                y=curve["kl"],
                mode="lines",
                line=_STYLES[on],
                name=_NAMES[on],
                legendgroup=_NAMES[on],
                showlegend=on not in named,
                hovertemplate=f"unit {unit}, epoch %{{x}}: %{{y:.3g}} nats<extra></extra>",
                row=row,
                col=col,
            )
            named.add(on)
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text="KL, nats", col=1)
    return finish(figure, height, legend={"y": 1 + 40 / (height - 120)})
