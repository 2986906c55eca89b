"""Which classes are taken for which, and the colours of shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import PALETTE, finish, label, translucent

Array = NDArray[Any]


def confusion_matrices(
    tables: Mapping[str, Array],
    classes: Sequence[str],
    *,
    kind: str = "class",
    examples: str = "examples",
    columns: int = 3,
) -> go.Figure:
    """Draw a panel for each table, in shares of its rows.

    Args:
        tables: by title, examples of each class (rows) by the class that was named, `[classes,
            classes]`.
        classes: names of the classes.
        kind: what a class is called.
        examples: what examples are called.
        columns: most panels side by side.
    """
    if not tables:
        return finish(go.Figure(), 80)
    names = [label(name) for name in classes]
    figure, height, places = subplot_grid(
        [label(title) for title in tables], columns=columns, panel_height=300, gap=90, top=56
    )
    for table, (row, col) in zip(tables.values(), places, strict=True):
        figure.add_heatmap(
            z=table / np.maximum(table.sum(axis=1, keepdims=True), 1),
            customdata=table,
            x=names,
            y=names,
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
            hovertemplate=f"%{{y}} named %{{x}}: %{{customdata}} {examples}, %{{z:.0%}}"
            "<extra></extra>",
            row=row,
            col=col,
        )
    figure.update_xaxes(title_text="named", type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticks="")
    figure.update_yaxes(title_text=kind, col=1)
    return finish(figure, height, coloraxis=share_colours(f"of the {kind}"))


def share_colours(title: str) -> dict[str, Any]:
    """The colour axis of shares: from the page's own background at 0 to one colour at 1."""
    bar = {"title": title, "tickformat": ".0%", "thickness": 12}
    return {"cmin": 0, "cmax": 1, "colorscale": fading(), "colorbar": bar}


def fading() -> list[list[Any]]:
    """A colour scale from the page's own background to one colour."""
    return [[0.0, translucent(PALETTE[0], 0.0)], [1.0, translucent(PALETTE[0], 1.0)]]
