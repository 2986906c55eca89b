"""Figures of the advice study: status, predicted against measured gains, and when training ends."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from latentlab.experiment.figures import FigureContext, FigureSpec
from latentlab.reporting.figures.table import table_figure
from latentlab.reporting.figures.template import (
    NEUTRAL,
    VERDICT_COLOURS,
    error_bars,
    finish,
    label,
    translucent,
)
from latentlab.studies.anchored_multimodal_advice import AdviceDeclaration
from latentlab.studies.anchored_multimodal_advice.advice import order_table, status_table
from latentlab.studies.anchored_multimodal_advice.gains import gains
from latentlab.studies.anchored_multimodal_advice.plateau import epochs_to_plateau

_WATCHED = "validation_cross_entropy"
_SHORT = ["section", "check", "setting", "status", "recommended", "predicted gain", "confidence"]


def draw_status(context: FigureContext) -> go.Figure:
    """The status table without its rationale; what a verdict has an effect of is measured."""
    advice = _declaration(context).plan.advice
    table = status_table(advice)
    measured = set(context.verdicts.dropna(subset="effect")["hypothesis"])
    table.loc[[one.rule.name in measured for one in advice], "confidence"] = "measured"
    return table_figure(table[_SHORT])


def draw_order(context: FigureContext) -> go.Figure:
    """The order in which to act."""
    return table_figure(order_table(_declaration(context).plan.advice))


def draw_gains(context: FigureContext) -> go.Figure:
    """Predicted ranges as bars, measured effects as points with their intervals."""
    declaration = _declaration(context)
    table = gains(declaration.plan, context.verdicts, declaration.metric_table)
    table = table.assign(row=table["advice"] + ", " + table["metric"].str.replace("_", " "))
    rows = [label(row) for row in table["row"]]
    figure = go.Figure()
    figure.add_bar(
        y=rows,
        base=table["predicted_low"],
        x=table["predicted_high"] - table["predicted_low"],
        orientation="h",
        width=0.5,
        marker={"color": translucent(NEUTRAL, 0.35)},
        name="predicted",
        hovertemplate="predicted %{base:+.2f} and up<extra></extra>",
    )
    figure.add_scatter(
        y=rows,
        x=table["effect"],
        mode="markers",
        marker={"color": [VERDICT_COLOURS[v] for v in table["verdict"]], "size": 10},
        error_x=error_bars(table["effect"], table["low"], table["high"], color=NEUTRAL),
        text=table["verdict"],
        hovertemplate="%{x:+.3f}, %{text}<extra></extra>",
        name="measured",
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title="gain (share of examples)", zeroline=True, zerolinecolor=NEUTRAL)
    return finish(figure, height=120 + 32 * len(rows), margin={"l": 280})


def plateaus(history: pd.DataFrame) -> Mapping[str, tuple[int, int | None]]:
    """Epochs that an arm had, and after how many its mean validation loss levelled off."""
    watched = history[history["metric"] == _WATCHED]
    means = watched.groupby(["arm", "epoch"], sort=False)["value"].mean()
    reached = {}
    for arm in watched["arm"].unique():
        losses = means[arm].sort_index()
        reached[str(arm)] = int(losses.index.max()), epochs_to_plateau(losses.tolist())
    return reached


def draw_plateaus(context: FigureContext) -> go.Figure:
    """When each arm's training levelled off."""
    rows = [
        {
            "arm": arm,
            "epochs": epochs,
            "levelled off after": "still falling" if reached is None else reached,
        }
        for arm, (epochs, reached) in plateaus(context.history).items()
    ]
    return table_figure(pd.DataFrame(rows, columns=["arm", "epochs", "levelled off after"]))


def _declaration(context: FigureContext) -> AdviceDeclaration:
    assert isinstance(context.declaration, AdviceDeclaration)
    return context.declaration


FIGURES: dict[str, FigureSpec] = {
    "status": FigureSpec(
        "Status of the configuration",
        "The report's sections in their order, then what else was checked. Rationale and source of "
        "each stand in the advice itself.",
        draw_status,
    ),
    "gains": FigureSpec(
        "Predicted and measured gains",
        "Grey bars: the gains that the report predicts, read as differences of shares. Points: "
        "mean over seeds of the difference from the arm without the change, with its unadjusted "
        "interval; colours as in the verdicts.",
        draw_gains,
    ),
    "order": FigureSpec(
        "Implementation order", "By priority, cost and dependence; before measuring.", draw_order
    ),
    "plateaus": FigureSpec(
        "Epochs against plateau",
        "The epoch from which an arm's mean validation cross-entropy stays within 2 % of its whole "
        "fall from the lowest one. As facts.<data set>.epochs_to_plateau it lets the rule about "
        "epochs judge by measurement.",
        draw_plateaus,
    ),
}
