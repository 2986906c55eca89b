"""The study's own figures: which categories are recognised, and where tasks lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from latentlab.reporting.figures import latent_scatter
from latentlab.reporting.figures.panels import panels
from latentlab.reporting.figures.template import PALETTE, finish, label, translucent
from latentlab.reporting.tables import arm_order
from latentlab.studies.arc_classifier.classification import confusion_table
from latentlab.studies.arc_classifier.metrics import CATEGORIES, category_metric
from latentlab.studies.drawing import Drawing, Material

Array = NDArray[Any]

PICTURED_ARMS = 3
MOST_COLOURS = 10
"""Classes that colours can tell apart; of more the numbers are shown as a quantity."""


def category_heat_map(scores: pd.DataFrame, *, split: str = "test") -> go.Figure:
    """Draw how well each arm recognises each category: mean accuracy over seeds.

    Args:
        scores: tidy scores `trial_id, arm, seed, split, metric, value`.
        split: the split to draw.
    """
    names = {category_metric(category): category for category in CATEGORIES}
    chosen = scores[(scores["split"] == split) & scores["metric"].isin(names)]
    if chosen.empty:
        return finish(go.Figure(), 80)
    means = chosen.pivot_table(index="arm", columns="metric", values="value")
    present = [name for name in names if name in means]
    table = means.reindex(index=arm_order(chosen), columns=present)
    figure = go.Figure(
        go.Heatmap(
            z=table.to_numpy(),
            x=[names[name] for name in present],
            y=[label(arm) for arm in table.index],
            texttemplate="%{z:.0%}",
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
            hovertemplate="%{y}, category %{x}: %{z:.1%} named right<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="category", type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticks="")
    return finish(figure, 26 * len(table) + 110, coloraxis=_shares("named right"))


def confusion_heat_maps(
    predicted: Mapping[str, Array], labels: Array, classes: Sequence[str]
) -> go.Figure:
    """Draw per arm which classes are taken for which.

    Args:
        predicted: per arm the class of each task, `[tasks]`.
        labels: the right ones, `[tasks]`.
        classes: names of the classes.
    """
    if not predicted:
        return finish(go.Figure(), 80)
    names = [label(name) for name in classes]
    figure, height, places = panels(
        [label(arm) for arm in predicted], columns=3, panel_height=300, gap=90, top=56
    )
    for named, (row, col) in zip(predicted.values(), places, strict=True):
        table = confusion_table(np.asarray(labels), np.asarray(named), len(names))
        figure.add_heatmap(
            z=table / np.maximum(table.sum(axis=1, keepdims=True), 1),
            customdata=table,
            x=names,
            y=names,
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
            hovertemplate="%{y} named %{x}: %{customdata} tasks, %{z:.0%}<extra></extra>",
            row=row,
            col=col,
        )
    figure.update_xaxes(title_text="named", type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticks="")
    figure.update_yaxes(title_text="category", col=1)
    return finish(figure, height, coloraxis=_shares("of the category"))


def embedding_map(latents: Mapping[str, Array], labels: Array, classes: Sequence[str]) -> go.Figure:
    """Draw the embeddings of tasks by category: two principal components of each arm's own.

    Args:
        latents: per arm `[tasks, embedding]`.
        labels: class numbers, `[tasks]`.
        classes: names of the classes.
    """
    numbers = np.asarray(labels)
    few = len(np.unique(numbers)) <= MOST_COLOURS
    return latent_scatter(latents, np.asarray(classes)[numbers] if few else numbers)


def _shares(title: str) -> dict[str, Any]:
    scale = [[0.0, translucent(PALETTE[0], 0.0)], [1.0, translucent(PALETTE[0], 1.0)]]
    bar = {"title": title, "tickformat": ".0%", "thickness": 12}
    return {"cmin": 0, "cmax": 1, "colorscale": scale, "colorbar": bar}


def _first(by_arm: Mapping[str, Array]) -> dict[str, Array]:
    """The arms that are pictured: with all, nobody would look."""
    return dict(list(by_arm.items())[:PICTURED_ARMS])


def _names(material: Material) -> list[str]:
    return [str(name) for name in material.arrays["classes"]]


DRAWINGS: dict[str, Drawing] = {
    "categories": Drawing(
        "Accuracy by category",
        "Share of test tasks of each category that are named right, mean over seeds; of all arms "
        "and of the baselines.",
        lambda material: category_heat_map(material.scores),
    ),
    "confusions": Drawing(
        "What is taken for what",
        "Test tasks by category and by the category that was named, first seed, of the first arms.",
        lambda material: confusion_heat_maps(
            _first(material.by_arm("predicted")),
            np.asarray(material.arrays["labels"]),
            _names(material),
        ),
    ),
    "embeddings": Drawing(
        "Embeddings",
        "Test tasks of the first seed by category, on two principal components of each arm's own "
        "embeddings; of the first arms.",
        lambda material: embedding_map(
            _first(material.by_arm("latent")),
            np.asarray(material.arrays["labels"]),
            _names(material),
        ),
    ),
}
"""The study's own figures, by name."""
