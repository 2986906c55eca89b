"""The study's own figures: what the clusters look like, hold, and cost in conjugation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from latentlab.core.arrays import AnyArray
from latentlab.experiment.figures import FigureContext, FigureSpec
from latentlab.metrics.clustering import cluster_table
from latentlab.reporting.figures import learning_curves
from latentlab.reporting.figures.heat_map import HeatMap, heat_maps, share_colours
from latentlab.reporting.figures.pictures import mosaic_figure
from latentlab.reporting.figures.template import (
    NEUTRAL,
    arm_styles,
    empty_figure,
    finish,
    label,
    translucent,
)
from latentlab.reporting.figures.trials import add_arm
from latentlab.reporting.tables import arm_order
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.reported import RUNS

_HOVER = "R² %{x:.3g}, NMI %{y:.3g}"
WATCHED = ("train_r_squared", "train_running_nmi", "train_rho_norm")


def cluster_pictures(
    means: Mapping[str, AnyArray], assigned: Mapping[str, AnyArray], *, columns: int = 20
) -> go.Figure:
    """Draw the mean picture of every component, an arm below the other, largest clusters first.

    Args:
        means: per arm `[clusters, channels, height, width]` in [0, 1].
        assigned: per arm the cluster of each of some examples, which decide the order.
        columns: most pictures side by side.
    """
    if not means:
        return empty_figure()
    rows: list[AnyArray] = []
    names: dict[int, str] = {}
    for arm, pictures in means.items():
        held = np.bincount(assigned[arm], minlength=len(pictures))
        ordered = np.asarray(pictures)[np.argsort(-held, kind="stable")]
        names[len(rows)] = arm
        rows += [ordered[i : i + columns] for i in range(0, len(ordered), columns)]
    return mosaic_figure(rows, names)


def cluster_heat_maps(tables: Mapping[str, AnyArray], classes: Sequence[str]) -> go.Figure:
    """Draw per arm what the clusters hold: a row per cluster that holds anything.

    Args:
        tables: per arm the number of examples by cluster and class, `[clusters, classes]`.
        classes: names of the classes.

    The colour is the share of a cluster's own examples. Clusters of one class stand together.
    """
    maps = []
    for arm, counts in tables.items():
        held = counts.sum(axis=1)
        order = np.lexsort((-held, counts.argmax(axis=1)))
        order = order[held[order] > 0]
        shares = counts[order] / held[order, None]
        rows = [f"{cluster}" for cluster in order]
        maps.append(HeatMap(label(arm), shares, rows, classes, counts[order]))
    return heat_maps(
        maps,
        colours=share_colours("share"),
        hover="cluster %{y}, label %{x}: %{customdata} examples, %{z:.0%} of the cluster",
        row_title="cluster",
        column_title="label",
        panel_height=330,
    )


def conjugation_over_training(
    history: pd.DataFrame, warmups: Mapping[str, float], *, arms: Sequence[str] | None = None
) -> go.Figure:
    """Draw R2, NMI and the norm of rho by step, with the steps shaded over which beta rises.

    Args:
        history: `trial_id, arm, seed, epoch, step, metric, value`.
        warmups: per arm the share of the steps over which beta rises. Shades of several lengths
            overlap: it is darker where more of them still rise.
        arms: arms to draw, in the order that decides their colours; all when None.
    """
    figure = learning_curves(history, WATCHED, arms=arms, along="step")
    chosen = list(warmups) if arms is None else arms
    steps = history.groupby("arm")["step"].max()
    ends = {warmups[arm] * float(steps[arm]) for arm in chosen if arm in steps}
    for end in sorted(end for end in ends if end > 0):
        figure.add_vrect(
            x0=0,
            x1=end,
            fillcolor=translucent(NEUTRAL, 0.12),
            line_width=0,
            layer="below",
            row="all",
            col="all",
            exclude_empty_subplots=True,
        )
    # Before rho has found its place R2 may lie far below 0, which would flatten the rest.
    figure.update_yaxes(range=[-0.5, 1.05], row=1, col=1)
    figure.update_yaxes(range=[0, 1.05], row=1, col=2)
    return figure


def pareto_plane(
    scores: pd.DataFrame,
    *,
    split: str = "test",
    arms: Sequence[str] | None = None,
    reported: Mapping[str, tuple[float, float]] | None = None,
) -> go.Figure:
    """Draw NMI against R2: every trial, the mean of every arm, and the means that none dominates.

    Args:
        scores: tidy scores `trial_id, arm, seed, split, metric, value`.
        split: the split to draw.
        arms: arms in the order that decides their colours; all when None.
        reported: R2 and NMI of published runs by name, drawn in grey.
    """
    chosen = scores[(scores["split"] == split) & scores["metric"].isin(["nmi", "r_squared"])]
    wide = chosen.pivot_table(index=["arm", "seed"], columns="metric", values="value")
    points = wide.reindex(columns=["r_squared", "nmi"]).dropna().reset_index()
    names = list(arms) if arms is not None else arm_order(scores)
    figure = go.Figure()
    if reported:
        published = np.array(list(reported.values()))
        figure.add_scatter(
            x=published[:, 0],
            y=published[:, 1],
            mode="markers",
            marker={"color": NEUTRAL, "symbol": "circle-open", "size": 7},
            customdata=[label(name) for name in reported],
            hovertemplate="reported, %{customdata}: R² %{x:.3g}, NMI %{y:.3g}<extra></extra>",
            name="reported",
        )
    means: list[tuple[float, float]] = []
    for arm, style in arm_styles(names).items():
        own = points[points["arm"] == arm]
        if own.empty:
            continue
        means.append((float(own["r_squared"].mean()), float(own["nmi"].mean())))
        add_arm(
            figure,
            arm,
            (own["r_squared"], own["nmi"]),
            means[-1],
            own["seed"].tolist(),
            style,
            seed_hover=_HOVER,
            mean_hover=_HOVER,
        )
    front = np.array(means)[pareto_front(np.array(means))] if means else np.empty((0, 2))
    figure.add_scatter(
        x=front[:, 0],
        y=front[:, 1],
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
        name="Pareto front of the means",
    )
    figure.update_xaxes(title_text="R² of the conjugation (higher is better)")
    figure.update_yaxes(title_text="NMI (higher is better)")
    return finish(figure, 430, margin={"l": 56, "r": 16, "t": 70, "b": 52})


def pareto_front(points: AnyArray) -> NDArray[np.intp]:
    """Positions of the points `[n, 2]` that no other dominates, by rising first coordinate.

    One dominates another where it exceeds it in one coordinate and is not below it in the other.
    """
    order = np.lexsort((-points[:, 1], -points[:, 0]))
    kept: list[int] = []
    highest = -np.inf
    for index in order:
        # Of equal points the first stands for all.
        if points[index, 1] > highest:
            highest = points[index, 1]
            kept.append(int(index))
    return np.array(kept[::-1], dtype=np.intp)


def _pictures(context: FigureContext) -> go.Figure:
    return cluster_pictures(context.pictured("cluster_means"), context.by_arm("cluster"))


def _table(context: FigureContext) -> go.Figure:
    classes = int(context.labels.max()) + 1
    means = context.by_arm("cluster_means")
    tables = {
        arm: cluster_table(assigned, context.labels, len(means[arm]), classes)
        for arm, assigned in context.pictured("cluster").items()
    }
    return cluster_heat_maps(tables, [str(number) for number in range(classes)])


def _conjugation(context: FigureContext) -> go.Figure:
    warmups = {
        arm: config.objective.beta_warmup_fraction
        for arm, config in context.declaration.configs.items()
        if isinstance(config, MixtureHarmoniumConfig)
    }
    return conjugation_over_training(context.history, warmups, arms=context.arms)


def _pareto(context: FigureContext) -> go.Figure:
    return pareto_plane(
        context.scores,
        arms=context.arms,
        reported={run.name: (run.r_squared, run.nmi) for run in RUNS},
    )


FIGURES: dict[str, FigureSpec] = {
    "pareto": FigureSpec(
        "NMI against R2",
        "Every trial on the test split, the mean of each arm, and the front of the means that no "
        "other mean exceeds in both. Grey: the runs of the report, on MNIST.",
        _pareto,
    ),
    "conjugation": FigureSpec(
        "Conjugation and clustering over training",
        "R2, the running NMI and the norm of rho on training examples, mean over seeds with a 95 % "
        "t band; shaded, where beta rises (one shade for each length of the warm-up).",
        _conjugation,
    ),
    "cluster_pictures": FigureSpec(
        "What the clusters look like",
        "The mean picture of each component under the prior, first seed, largest first; of the "
        "first arms.",
        _pictures,
    ),
    "cluster_table": FigureSpec(
        "What the clusters hold",
        "Test examples by cluster and class, first seed, of the first arms.",
        _table,
    ),
}
"""The study's own figures, by name."""
