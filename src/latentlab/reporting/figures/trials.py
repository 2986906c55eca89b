"""The trials of an arm among those of others: a point per seed, and the mean of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from numpy.typing import ArrayLike

from latentlab.reporting.figures.template import label


def add_arm(
    figure: go.Figure,
    arm: str,
    points: tuple[ArrayLike, ArrayLike],
    mean: tuple[float, float],
    seeds: Sequence[int],
    style: dict[str, str],
    *,
    seed_hover: str,
    mean_hover: str,
    symbols: Sequence[str] | None = None,
) -> None:
    """Draw one arm in a plane of two metrics: its trials small and faint, its mean large.

    Args:
        figure: where to draw.
        arm: its name.
        points: x and y of its trials.
        mean: x and y of its mean.
        seeds: of its trials.
        style: colour and symbol, from `arm_styles`.
        seed_hover: what pointing at a trial shows of its `%{x}` and `%{y}`.
        mean_hover: what pointing at the mean shows.
        symbols: of each trial, where they differ from the arm's own.
    """
    shared: dict[str, Any] = {"mode": "markers", "legendgroup": arm, "name": label(arm)}
    figure.add_scatter(
        x=points[0],
        y=points[1],
        marker={
            "color": style["colour"],
            "symbol": symbols or style["symbol"],
            "size": 7,
            "opacity": 0.5,
        },
        customdata=seeds,
        hovertemplate=f"{label(arm)}, seed %{{customdata}}: {seed_hover}<extra></extra>",
        showlegend=False,
        **shared,
    )
    figure.add_scatter(
        x=[mean[0]],
        y=[mean[1]],
        marker={"color": style["colour"], "symbol": style["symbol"], "size": 13},
        hovertemplate=f"{label(arm)}, mean of {len(seeds)}: {mean_hover}<extra></extra>",
        **shared,
    )
