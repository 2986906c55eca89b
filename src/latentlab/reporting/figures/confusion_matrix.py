"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from latentlab.core.arrays import AnyArray
from latentlab.reporting.figures.heat_map import HeatMap, heat_maps, share_colours
from latentlab.reporting.figures.template import label


def confusion_matrices(
    tables: Mapping[str, AnyArray],
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
    return heat_maps(
        [
            HeatMap(
                label(title),
                table / np.maximum(table.sum(axis=1, keepdims=True), 1),
                rows=classes,
                columns=classes,
                counts=table,
            )
            for title, table in tables.items()
        ],
        colours=share_colours(f"of the {kind}"),
        hover=f"%{{y}} named %{{x}}: %{{customdata}} {examples}, %{{z:.0%}}",
        row_title=kind,
        column_title="named",
        columns=columns,
    )
