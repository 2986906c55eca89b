"""The trials of each metric, and their learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentlab.reporting.figures.curves import mean_curve
from latentlab.reporting.figures.static.page import (
    DASHES,
    LABELS,
    LETTERS,
    LINE,
    MARKERS,
    Drawn,
    number,
    panel,
    wrapped,
)
from latentlab.reporting.figures.template import NEUTRAL
from latentlab.reporting.formatting import format_share
from latentlab.reporting.tables import metric_note, paired_scores


def strip_figures(
    comparison: pd.DataFrame,
    scores: pd.DataFrame,
    lost: frozenset[str],
    styles: Mapping[str, Mapping[str, str]],
) -> Drawn:
    """Yield name, caption and figure of every metric of which there are values."""
    for (metric, split), rows in comparison.groupby(["metric", "split"], sort=False):
        if not rows["n"].any():
            continue
        points = paired_scores(scores, str(metric), str(split), lost)
        yield (
            f"strip-{metric}-{split}",
            f"{metric} ({split}): a point a seed, lines join the arms of a seed; below, means with "
            f"{format_share(float(rows['level'].iloc[0]))} intervals that are not adjusted.",
            _strip(rows, points.replace([np.inf, -np.inf], np.nan), styles),
        )


def _strip(
    rows: pd.DataFrame, points: pd.DataFrame, styles: Mapping[str, Mapping[str, str]]
) -> Figure:
    means = rows.set_index("arm").reindex([arm for arm in styles if arm in set(rows["arm"])])
    names = [f"{wrapped(str(arm))}\nn = {n}" for arm, n in means["n"].items()]
    tall = [LINE * max(name.count("\n") + 1.4, 3) for name in names]
    first = rows.iloc[0].to_dict()
    title = wrapped(f"{first['metric']} ({first['split']}; {metric_note(first)})", 2 * LETTERS)
    below = LINE * (title.count("\n") + 3)
    figure, axes = panel(sum(tall), left=LABELS, right=0, below=below)
    middles = np.cumsum(tall) - np.array(tall) / 2
    table = points.reindex(columns=means.index)
    axes.plot(table.to_numpy().T, middles, color=NEUTRAL, alpha=0.45, linewidth=0.5)
    for (arm, mean), y in zip(means.iterrows(), middles, strict=True):
        style = styles[str(arm)]
        look: dict[str, Any] = {"color": style["colour"], "linestyle": ""}
        seeds: dict[str, Any] = {
            "marker": MARKERS[style["symbol"]],
            "markersize": 3.5,
            "markeredgewidth": 0,
        }
        axes.plot(table[arm], np.full(len(table), y), **look, **seeds, alpha=0.75)
        # Below the points, so that neither hides the other.
        below = y + 0.8 * LINE
        axes.hlines(
            below, mean["mean_low"], mean["mean_high"], color=style["colour"], linewidth=1.4
        )
        axes.plot([mean["mean"]], [below], **look, marker="|", markersize=6, markeredgewidth=1.4)
    axes.set_ylim(sum(tall), 0)
    axes.set_yticks(middles, names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(title)
    number(axes.xaxis)
    return figure


def curve_figures(
    history: pd.DataFrame, metrics: Sequence[str], styles: Mapping[str, Mapping[str, str]]
) -> Drawn:
    """Yield name, caption and figure of every metric of the history that has finite values."""
    for metric in metrics:
        own = history[history["metric"] == metric]
        means = {arm: mean_curve(own[own["arm"] == arm]) for arm in styles}
        means = {arm: curve for arm, curve in means.items() if len(curve)}
        if means:
            yield (
                f"curve-{metric}",
                f"{metric} by epoch: mean over seeds with a 95 % t band; a diverged trial ends "
                "where it ended.",
                _curve(metric, means, styles),
            )


def _curve(
    metric: str, means: Mapping[str, pd.DataFrame], styles: Mapping[str, Mapping[str, str]]
) -> Figure:
    # matplotlib leaves names that begin with an underscore out of a legend.
    names = {arm: f" {wrapped(arm, 2 * LETTERS)}" for arm in means}
    lines = sum(name.count("\n") + 1.3 for name in names.values())
    figure, axes = panel(1.6, left=0.55, right=0, below=LINE * (lines + 3))
    for arm, curve in means.items():
        style = styles[arm]
        look = {"color": style["colour"], "linewidth": 1.2, "linestyle": DASHES[style["dash"]]}
        # A single epoch draws no line: without a marker it would be invisible.
        marker = MARKERS[style["symbol"]] if len(curve) == 1 else ""
        axes.plot(curve["at"], curve["mean"], **look, marker=marker, markersize=4, label=names[arm])
        axes.fill_between(
            curve["at"],
            curve["low"],
            curve["high"],
            color=style["colour"],
            alpha=0.16,
            linewidth=0,
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel(wrapped(metric, 2 * LETTERS))
    number(axes.xaxis, integer=True)
    number(axes.yaxis)
    figure.legend(
        loc="lower left", frameon=False, borderaxespad=0, labelspacing=0.3, handlelength=3
    )
    return figure
