"""The study's own figures: which categories are recognised, and where tasks lie."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from latentlab.experiment.figures import FigureContext, FigureSpec
from latentlab.metrics.classification import confusion_table
from latentlab.reporting.figures import confusion_matrices, latent_scatter
from latentlab.reporting.figures.heat_map import name_axes, share_colours
from latentlab.reporting.figures.template import empty_figure, finish, label
from latentlab.reporting.tables import arm_order
from latentlab.studies.arc_classifier.metrics import CATEGORIES, category_metric


def category_heat_map(scores: pd.DataFrame, *, split: str = "test") -> go.Figure:
    """Draw how well each arm recognises each category: mean accuracy over seeds.

    Args:
        scores: tidy scores `trial_id, arm, seed, split, metric, value`.
        split: the split to draw.
    """
    names = {category_metric(category): category for category in CATEGORIES}
    chosen = scores[(scores["split"] == split) & scores["metric"].isin(names)]
    if chosen.empty:
        return empty_figure()
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
    name_axes(figure)
    figure.update_xaxes(title_text="category")
    return finish(figure, 26 * len(table) + 110, coloraxis=share_colours("named right"))


def _confusions(context: FigureContext) -> go.Figure:
    classes = context.classes
    tables = {
        arm: confusion_table(context.labels, predicted, len(classes))
        for arm, predicted in context.pictured("predicted").items()
    }
    return confusion_matrices(tables, classes, kind="category", examples="tasks")


FIGURES: dict[str, FigureSpec] = {
    "categories": FigureSpec(
        "Accuracy by category",
        "Share of test tasks of each category that are named right, mean over seeds; of all arms "
        "and of the baselines.",
        lambda context: category_heat_map(context.scores),
    ),
    "confusions": FigureSpec(
        "What is taken for what",
        "Test tasks by category and by the category that was named, first seed, of the first arms.",
        _confusions,
    ),
    "embeddings": FigureSpec(
        "Embeddings",
        "Test tasks of the first seed by category, on two principal components of each arm's own "
        "embeddings; of the first arms.",
        lambda context: latent_scatter(
            context.pictured("latent"), context.labels, names=context.classes
        ),
    ),
}
"""The study's own figures, by name."""
