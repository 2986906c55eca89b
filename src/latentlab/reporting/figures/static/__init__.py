"""Figures for a paper: vector files, one column wide, from the tables that the report draws from.

They have the report's colours, symbols and digits. The same tables give the same bytes: nothing is
dated, numbered at random or looked up on the machine, whose fonts are left alone too.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from latentlab.core.file_names import file_name
from latentlab.reporting.figures.static.forest import forest_figures
from latentlab.reporting.figures.static.page import STYLE
from latentlab.reporting.figures.static.trials import curve_figures, strip_figures
from latentlab.reporting.figures.template import arm_styles
from latentlab.reporting.tables import diverged_trials
from latentlab.reporting.verdict_cells import verdict_rows

FORMATS = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""Endings of the files, and what is kept out of them."""


@dataclass(frozen=True)
class StaticFigure:
    """A figure of a paper.

    Attributes:
        caption: what it shows, in sentences.
        files: its content by format.
    """

    caption: str
    files: Mapping[str, bytes]


def static_figures(
    verdicts: pd.DataFrame,
    comparison: pd.DataFrame,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    history: pd.DataFrame,
    arms: Sequence[str],
    curves: Sequence[str],
) -> dict[str, StaticFigure]:
    """Draw the claims, the trials of each metric that is compared, and the learning curves.

    Args:
        verdicts: one row per hypothesis.
        comparison: a row per metric and arm, from `comparison_table`.
        trials: the table of trials; those that diverged are left out, as in the comparison.
        scores: trial_id, arm, seed, split, metric, value.
        history: trial_id, arm, seed, epoch, step, metric, value.
        arms: in the order that decides their colours; others that were compared follow.
        curves: metrics of the history to draw.

    Returns:
        The figures by a name for their files; no two have the same.
    """
    styles = arm_styles([*dict.fromkeys([*arms, *comparison["arm"]])])
    found: dict[str, StaticFigure] = {}
    with rc_context(STYLE):
        for name, caption, figure in (
            *forest_figures(verdict_rows(verdicts)),
            *strip_figures(comparison, scores, diverged_trials(trials), styles),
            *curve_figures(history, curves, styles),
        ):
            found[file_name(name, found)] = StaticFigure(caption, _written(figure))
    return found


def _written(figure: Figure) -> dict[str, bytes]:
    files = {}
    for kind, metadata in FORMATS.items():
        content = io.BytesIO()
        figure.savefig(content, format=kind, metadata=metadata, transparent=True)
        files[kind] = content.getvalue()
    return files
