"""Mean ranks of arms over problems, and how far apart they must lie to be told apart."""

from __future__ import annotations

import plotly.graph_objects as go

from latentlab.reporting.figures.template import arm_styles, error_bars, finish, label
from latentlab.reporting.formatting import as_float, as_text
from latentlab.reporting.verdict_cells import Row, mean_ranks


def critical_difference(row: Row) -> go.Figure:
    """Draw the mean rank of every arm, best first, with half of the critical difference each way.

    Two arms whose bars do not overlap are told apart (Demsar 2006); where there is a control, the
    critical difference is that of comparisons with it.

    Args:
        row: a pooled verdict of a claim about ranks.
    """
    ranks = mean_ranks(row)
    half = (as_float(row.get("interval_high")) - as_float(row.get("interval_low"))) / 4
    styles, figure = arm_styles(list(ranks)), go.Figure()
    for arm, rank in sorted(ranks.items(), key=lambda item: item[1]):
        colour = styles[arm]["colour"]
        bars = error_bars([rank], [rank - half], [rank + half], color=colour, thickness=3, width=0)
        figure.add_scatter(
            x=[rank],
            y=[label(arm)],
            mode="markers",
            marker={"color": colour, "symbol": styles[arm]["symbol"], "size": 12},
            error_x=bars,
            hovertemplate=f"{label(arm)}: mean rank %{{x:.2f}}<extra></extra>",
            showlegend=False,
            name=label(arm),
        )
    figure.update_yaxes(autorange="reversed")
    metric = label(as_text(row.get("metric")))
    figure.update_xaxes(title=f"mean rank in {metric}, 1 is best")
    return finish(figure, 110 + 34 * len(ranks))
