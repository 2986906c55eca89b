"""Figures of pruning itself: when dimensions go, which are left, and how trials end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentlab.core.arrays import AnyArray
from latentlab.reporting.figures import learning_curves
from latentlab.reporting.figures.heat_map import fading, name_axes
from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import (
    PALETTE,
    arm_styles,
    empty_figure,
    finish,
    label,
    translucent,
)
from latentlab.studies.least_volume.axes import log_axis

ACTIVE = "train_active_dimensions"
MOST_COLUMNS = 100
"""Of the timeline; more epochs share columns, as a column must be wide enough to be seen."""


def active_over_training(history: pd.DataFrame, policies: Mapping[str, str]) -> go.Figure:
    """Draw the active dimensions by epoch: a panel per policy, mean over seeds with a t band.

    Args:
        history: `trial_id, arm, seed, epoch, step, metric, value`.
        policies: the policy of each arm, in the order that decides the colours.
    """
    active = history[(history["metric"] == ACTIVE) & history["arm"].isin(policies)]
    by_policy = active.assign(metric=active["arm"].map(policies))
    figure = learning_curves(by_policy, list(dict.fromkeys(policies.values())), arms=list(policies))
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title_text="active dimensions", col=1)
    return figure


def pruned_by_epoch(history: pd.DataFrame, scores: pd.DataFrame, arms: Sequence[str]) -> AnyArray:
    """Mean number of dimensions that a trial pruned at the end of each epoch.

    Args:
        history: scores per epoch. An epoch's number of active dimensions is that before its end.
        scores: tidy scores: what is active after the last epoch.
        arms: the rows.

    Returns:
        [arms, epochs]; trials that had ended count as having pruned none.
    """
    active = history[history["metric"] == ACTIVE]
    table = active.pivot_table(index=["arm", "trial_id"], columns="epoch", values="value")
    final = scores[(scores["metric"] == "active_dimensions") & (scores["split"] == "test")]
    table["final"] = final.drop_duplicates(["arm", "trial_id"]).set_index(["arm", "trial_id"])[
        "value"
    ]
    # A trial that ended early keeps what it had; weights of an earlier epoch have more dimensions.
    counts = np.minimum.accumulate(table.ffill(axis=1).to_numpy(), axis=1)
    pruned = pd.DataFrame(-np.diff(counts, axis=1), index=table.index).round()
    return pruned.groupby("arm").mean().reindex(list(arms)).fillna(0).to_numpy()


def pruning_timeline(pruned: AnyArray, arms: Sequence[str]) -> go.Figure:
    """Draw when how many dimensions were pruned: a row per arm.

    Args:
        pruned: mean number per trial, `[arms, epochs]`.
        arms: names of the rows.
    """
    epochs = pruned.shape[1]
    width = max(1, -(-epochs // MOST_COLUMNS))
    starts = np.arange(0, epochs, width)
    together = np.add.reduceat(pruned, starts, axis=1) if epochs else pruned
    # A first prune may take fifty dimensions and later ones one: both are seen by their ratio.
    powers = np.log10(together, where=together > 0, out=np.full_like(together, np.nan))
    ticks = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]
    unit = "epoch" if width == 1 else f"{width} epochs from"
    figure = go.Figure(
        go.Heatmap(
            z=powers,
            customdata=together,
            x=starts + 1,
            y=[label(arm) for arm in arms],
            colorscale=fading(faintest=0.2),
            colorbar={
                "title": "pruned<br>per trial",
                "thickness": 12,
                "tickvals": np.log10(ticks),
                "ticktext": [f"{tick:g}" for tick in ticks],
            },
            hoverongaps=False,
            ygap=2,
            hovertemplate=f"%{{y}}, {unit} %{{x}}: %{{customdata:.3g}} pruned per trial"
            "<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="epoch", range=[0.5, epochs + 0.5], showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticks="")
    return finish(figure, 26 * len(arms) + 90, margin={"l": 56, "r": 16, "t": 16, "b": 52})


def spectrum(
    deviations: Mapping[str, AnyArray], kept: Mapping[str, AnyArray], arms: Sequence[str]
) -> go.Figure:
    """Draw the deviations of the latent dimensions, largest first: a panel per arm.

    Args:
        deviations: per arm `[latent]`, sorted.
        kept: per arm whether each of these dimensions is active, `[latent]`.
        arms: arms in the order that decides their colours; one without deviations is left out.
    """
    if not deviations:
        return empty_figure()
    figure, height, places = subplot_grid(
        [f"{label(arm)}<br>{int(np.sum(kept[arm]))} active" for arm in deviations],
        columns=4,
        panel_height=140,
        gap=92,
        top=96,
        shared_yaxes=True,
        horizontal_spacing=0.03,
    )
    styles = arm_styles(arms)
    for (arm, values), (row, col) in zip(deviations.items(), places, strict=True):
        colour, active = styles[arm]["colour"], np.asarray(kept[arm], bool)
        for chosen, name, symbol in ((active, "active", "circle"), (~active, "pruned", "x-thin")):
            figure.add_scatter(
                x=1 + np.flatnonzero(chosen),
                y=values[chosen],
                mode="markers",
                marker={
                    "color": colour,
                    "symbol": symbol,
                    "size": 5,
                    "line": {"width": 1, "color": colour},
                },
                name=name,
                legendgroup=name,
                showlegend=False,
                hovertemplate=f"{label(arm)}, {name}, place %{{x}}: %{{y:.3g}}<extra></extra>",
                row=row,
                col=col,
            )
    figure.update_yaxes(**log_axis(np.concatenate([*deviations.values()])))
    largest = max(len(values) for values in deviations.values())
    figure.update_xaxes(title_text="place", range=[0, largest + 1], nticks=5)
    figure.update_yaxes(title_text="deviation", col=1)
    return finish(figure, height)


def outcome_map(counts: pd.DataFrame) -> go.Figure:
    """Draw how many trials of each arm ended how.

    Args:
        counts: from `outcome_counts`.
    """
    table = counts.to_numpy()
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    well = np.array([1 if name == "ok" else -1 for name in counts])
    scale = [
        [0.0, translucent(PALETTE[1], 0.9)],
        [0.5, translucent(PALETTE[1], 0.0)],
        [0.5, translucent(PALETTE[0], 0.0)],
        [1.0, translucent(PALETTE[0], 0.75)],
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares * well,
            text=np.where(table > 0, table.astype(str), ""),
            customdata=shares,
            x=[str(name).replace("_", " ") for name in counts],
            y=[label(arm) for arm in counts.index],
            texttemplate="%{text}",
            colorscale=scale,
            zmin=-1,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate="%{y}, %{x}: %{text} trials, %{customdata:.0%}<extra></extra>",
        )
    )
    name_axes(figure)
    figure.update_xaxes(side="top", ticks="")
    return finish(figure, 26 * len(counts) + 70, margin={"l": 56, "r": 16, "t": 40, "b": 16})
