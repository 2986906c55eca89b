"""The study's own figures: how the groups fare, what weighs them, and where classes lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentlab.core.arrays import AnyArray
from latentlab.data.image_text_layout import GROUPS
from latentlab.experiment.figures import FigureContext, FigureSpec
from latentlab.metrics.classification import confusion_table
from latentlab.reporting.figures import confusion_matrices, latent_scatter, learning_curves
from latentlab.reporting.figures.heat_map import HeatMap, fading, heat_maps
from latentlab.reporting.figures.latents import GROUP_SYMBOLS
from latentlab.reporting.figures.template import (
    NEUTRAL,
    arm_styles,
    empty_figure,
    error_bars,
    finish,
    label,
)
from latentlab.reporting.formatting import format_number
from latentlab.reporting.intervals import MeanInterval
from latentlab.reporting.tables import paired_scores
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.metrics import GROUP_WEIGHT, group_accuracy

CURVE = f"train_{GROUP_WEIGHT}"
_ROW = 52
_OFFSETS = np.linspace(-0.17, 0.17, len(GROUPS))
"""Where in an arm's row its groups stand."""


def group_accuracies(
    scores: pd.DataFrame, arms: Sequence[str], *, split: str = "test", level: float = 0.95
) -> go.Figure:
    """Draw the accuracy of each group: a row per arm, a point per seed, mean and t interval.

    Args:
        scores: tidy scores `trial_id, arm, seed, split, metric, value`.
        arms: arms from top to bottom, in the order that decides their colours.
        split: the split to draw.
        level: coverage of the intervals.
    """
    symbols = dict(zip(GROUPS, GROUP_SYMBOLS, strict=False))
    figure = go.Figure()
    for (group, symbol), offset in zip(symbols.items(), _OFFSETS, strict=True):
        table = paired_scores(scores, group_accuracy(group), split)
        for i, (arm, style) in enumerate(arm_styles(arms).items()):
            if arm in table:
                values = table[arm].dropna()
                marker = {"color": style["colour"], "symbol": symbol}
                _add_accuracies(figure, arm, group, values, i + offset, marker, level)
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker={"color": NEUTRAL, "symbol": symbol, "size": 9},
            name=group,
        )
    figure.update_xaxes(title_text="accuracy (share, higher is better)")
    figure.update_yaxes(
        tickvals=list(range(len(arms))),
        ticktext=[label(arm) for arm in arms],
        range=[len(arms) - 0.5, -0.5],
        showgrid=False,
        ticks="",
    )
    return finish(figure, _ROW * len(arms) + 96, margin={"l": 56, "r": 16, "t": 40, "b": 52})


def group_weights(
    history: pd.DataFrame, arms: Sequence[str], weighted: Collection[str]
) -> go.Figure:
    """Draw the weight q of the visual group by epoch: mean over seeds with a t band.

    Args:
        history: `trial_id, arm, seed, epoch, step, metric, value`.
        arms: all arms, in the order that decides their colours.
        weighted: those whose q moves.
    """
    moving = history[history["arm"].isin(weighted) & (history["metric"] == CURVE)]
    if moving.empty:
        return empty_figure()
    moving = moving.assign(metric="weight of the visual group")
    figure = learning_curves(moving, arms=arms)
    figure.add_hline(y=1 / len(GROUPS), line={"color": NEUTRAL, "dash": "dot", "width": 1})
    figure.update_yaxes(title_text="q", range=[0, 1])
    return figure


def anchor_maps(distances: Mapping[str, AnyArray], classes: Sequence[str]) -> go.Figure:
    """Draw the squared distances of the anchors of two classes each: a panel per arm.

    Args:
        distances: per arm `[classes, classes]`.
        classes: names of the classes.
    """
    pairs = {arm: table[np.triu_indices(len(table), 1)] for arm, table in distances.items()}
    maps = [
        HeatMap(
            f"{label(arm)}<br>mean {format_number(pairs[arm].mean())}, "
            f"nearest {format_number(pairs[arm].min())}",
            # An anchor's distance from itself says nothing.
            np.where(np.eye(len(table), dtype=bool), np.nan, table),
            rows=classes,
            columns=classes,
        )
        for arm, table in distances.items()
    ]
    colours = {
        "cmin": 0,
        "cmax": max((own.max() for own in pairs.values()), default=1),
        "colorscale": fading(),
        "colorbar": {"title": "squared<br>distance", "thickness": 12},
    }
    return heat_maps(maps, colours=colours, hover="%{y} and %{x}: %{z:.4g}", panel_height=230)


def _add_accuracies(
    figure: go.Figure,
    arm: str,
    group: str,
    values: pd.Series,
    row: float,
    marker: Mapping[str, Any],
    level: float,
) -> None:
    """The seeds of one group of one arm, faint, and their mean with its interval."""
    mean = MeanInterval.of(values, level)
    figure.add_scatter(
        x=values.to_numpy(),
        y=np.full(len(values), row),
        mode="markers",
        marker={**marker, "size": 7, "opacity": 0.45},
        customdata=values.index.to_numpy(),
        hovertemplate=f"{label(arm)}, {group}, seed %{{customdata}}: %{{x:.3f}}<extra></extra>",
        showlegend=False,
    )
    ends = f" [{mean.low:.3f}, {mean.high:.3f}]" if mean.n > 1 else ""
    figure.add_scatter(
        x=[mean.mean],
        y=[row],
        mode="markers",
        marker={**marker, "size": 11},
        error_x=error_bars([mean.mean], [mean.low], [mean.high], thickness=2),
        hovertemplate=f"{label(arm)}, {group}: mean %{{x:.3f}}{ends}, n = {mean.n}<extra></extra>",
        showlegend=False,
    )


def _weighted(context: FigureContext) -> list[str]:
    """The arms whose q moves."""
    return [
        arm
        for arm, config in context.declaration.configs.items()
        if isinstance(config, AnchoredMultimodalConfig)
        and config.objective.groups.objective == "weighted"
    ]


def _confusions(context: FigureContext) -> go.Figure:
    classes, groups = context.classes, context.by_arm("group")
    tables = {
        f"{arm}, {group}": confusion_table(
            context.labels[groups[arm] == number], named[groups[arm] == number], len(classes)
        )
        for arm, named in context.pictured("predicted").items()
        for number, group in enumerate(GROUPS)
    }
    return confusion_matrices(tables, classes, examples="samples", columns=len(GROUPS))


def _latents(context: FigureContext) -> go.Figure:
    # All arms are pictured on the same samples.
    numbers = next(iter(context.by_arm("group").values()), None)
    members = {} if numbers is None else {g: numbers == i for i, g in enumerate(GROUPS)}
    return latent_scatter(
        context.pictured("latent"),
        context.labels,
        names=context.classes,
        groups=members,
    )


FIGURES: dict[str, FigureSpec] = {
    "group_accuracies": FigureSpec(
        "Accuracy by group",
        "Test samples of each group whose class is named right: faint, the seeds; strong, their "
        "mean with its 95 % t interval.",
        lambda context: group_accuracies(context.scores, context.arms),
    ),
    "group_weights": FigureSpec(
        "Weights of the groups over training",
        "Weight q of the visual group, mean over the steps of an epoch, where the objective weighs "
        "groups; mean over seeds with a 95 % t band. Dotted: both groups alike.",
        lambda context: group_weights(context.history, context.arms, _weighted(context)),
    ),
    "anchor_distances": FigureSpec(
        "Distances of the anchors",
        "Squared 2-Wasserstein distance of the anchors of two classes, first seed, of the first "
        "arms that have trained anchors. It grows with the scale of an arm's latent space.",
        lambda context: anchor_maps(context.pictured("anchor_distances"), context.classes),
    ),
    "group_confusions": FigureSpec(
        "What is taken for what, by group",
        "Up to a thousand test samples by class and by the class that was named, first seed, of "
        "the first arms.",
        _confusions,
    ),
    "latents_by_group": FigureSpec(
        "The shared latent space",
        "Test samples of the first seed by class and group, on two principal components of each "
        "arm's own latents; of the first arms.",
        _latents,
    ),
}
"""The study's own figures, by name."""
