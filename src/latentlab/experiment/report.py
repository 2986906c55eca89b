"""Puts a study's tables and figures together into its report."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from latentlab.core.provenance import provenance
from latentlab.data import Prepared
from latentlab.data.card import data_card
from latentlab.data.preview import draw_preview
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.figures import Drawing, Material, own_drawings
from latentlab.experiment.replication_table import beside_report, draw_beside_report
from latentlab.experiment.study import Study
from latentlab.reporting import ReportContent, comparison_table, deviations
from latentlab.reporting.figures import (
    forest_plot,
    latent_marginals,
    latent_scatter,
    learning_curves,
    reconstruction_grid,
    seed_strip,
    table_figure,
)


def _curves(material: Material) -> Figure:
    present = set(material.history["metric"])
    names = [name for name in material.study.curves if name in present]
    return learning_curves(material.history, names, arms=material.arms)


def _reconstructions(material: Material) -> Figure:
    return reconstruction_grid(material.arrays["originals"], material.by_arm("reconstruction"))


def _latents(material: Material) -> Figure:
    return latent_scatter(material.by_arm("latent"), np.asarray(material.arrays["labels"]))


DRAWINGS: dict[str, Drawing] = {
    "verdicts": Drawing(
        "Verdicts",
        "Effect of each hypothesis with its unadjusted interval; dashed, the declared boundary. "
        "Verdicts follow from the corrected p-values, not from the intervals.",
        lambda material: forest_plot(material.verdicts),
    ),
    "curves": Drawing(
        "Learning curves",
        "Mean over seeds with a 95 % t band; a diverged trial ends where it ended.",
        _curves,
    ),
    "reconstructions": Drawing(
        "Reconstructions",
        "Test examples and what the first seed's models make of them.",
        _reconstructions,
    ),
    "latents": Drawing(
        "Latent samples",
        "Latent samples of test examples, first seed, coloured by class.",
        _latents,
    ),
    "marginals": Drawing(
        "Distributions against N(0, 1)",
        "Every latent dimension of the first seed's models against the prior's density.",
        lambda material: latent_marginals(material.by_arm("latent")),
    ),
}
"""The figures that every study may name in `Study.figures`; it may have others of its own."""


def drawing(study: Study, name: str) -> Drawing:
    """A figure that the study names."""
    return DRAWINGS[name] if name in DRAWINGS else own_drawings(study)[name]


def compare(
    study: Study, declaration: Declaration, scores: pd.DataFrame, trials: pd.DataFrame
) -> pd.DataFrame:
    """Every metric of every arm, and the paired difference against the control.

    Scores of the weights are compared on the test split, times on the training split.
    """
    parts = []
    control = declaration.control(study.control)
    for split in ("test", "train"):
        present = set(scores.loc[scores["split"] == split, "metric"])
        metrics = [m for n, m in declaration.metric_table.items() if n in present]
        if metrics:
            parts.append(comparison_table(scores, metrics, control, split, trials=trials))
    return pd.concat(parts, ignore_index=True)


def draw_figures(
    study: Study,
    declaration: Declaration,
    verdicts: pd.DataFrame,
    history: pd.DataFrame,
    scores: pd.DataFrame,
    arrays: Mapping[str, NDArray[Any]],
) -> dict[str, Figure]:
    """The study's figures by name, in its own order."""
    material = Material(study, declaration, verdicts, history, scores, arrays)
    return {name: drawing(study, name).draw(material) for name in study.figures}


def compose(
    study: Study,
    declaration: Declaration,
    prepared: Prepared,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    comparison: pd.DataFrame,
    champion: Mapping[str, Any],
    frozen: Mapping[str, Any],
    pooled: pd.DataFrame,
    figures: Mapping[str, Figure],
) -> ReportContent:
    """Everything the report shows."""
    arms = list(declaration.configs)
    shown = {}
    for name, figure in figures.items():
        drawn = drawing(study, name)
        shown[drawn.title] = (figure, drawn.caption)
    for name in study.strips:
        metric = declaration.metric_table[name]
        shown[f"Seeds: {name}"] = (
            seed_strip(scores, metric, arms=arms, trials=trials),
            f"{metric.definition}. One point a seed, lines join the arms of a seed.",
        )
    reported = study.reported.get(declaration.dataset)
    beside = beside_report(comparison, reported or {})
    if len(beside):
        shown["Beside the report"] = (
            draw_beside_report(beside),
            "The report's figures are single runs; a figure that lies outside the range in which "
            "95 % of our runs are expected does not reproduce here.",
        )
    table = declaration.table(comparison, verdicts)
    if table is not None:
        shown[declaration.table_title] = (
            table_figure(table),
            declaration.table_caption,
        )
    return ReportContent(
        title=study.title,
        question=study.question,
        verdicts=verdicts,
        comparison=comparison,
        pooled=pooled,
        summary=summary(declaration, trials, champion),
        figures=shown,
        deviations=deviations(trials, verdicts),
        metrics=tuple(declaration.metric_table.values()),
        reproduce=reproduction(trials, frozen),
        data_card=data_card(prepared),
        preview=draw_preview(prepared),
    )


def summary(
    declaration: Declaration, trials: pd.DataFrame, champion: Mapping[str, Any]
) -> Sequence[str]:
    """What was run, in sentences."""
    seeds = trials["seed"].nunique()
    lines = [
        f"{len(declaration.configs)} arms with {seeds} seeds each, {len(trials)} trials on "
        f"{declaration.dataset}; arms of a seed share split and data order and, where their "
        "shapes agree, initial weights and noise."
    ]
    if champion:
        lines.append(
            f"Registered model: {champion['arm']}, seed {champion['seed']}, chosen on "
            f"{champion['split']} by {champion['metric']} ({champion['value']:.4g}; its arm's mean "
            f"over {champion['arm_seeds']} seeds is {champion['arm_mean']:.4g})."
        )
    return lines


def reproduction(trials: pd.DataFrame, frozen: Mapping[str, Any]) -> dict[str, str]:
    """What was run and where, as text by name."""
    digests = {name: entry["digest"][:12] for name, entry in frozen["hypotheses"].items()}
    return {
        **provenance(),
        "python": platform.python_version(),
        "device": ", ".join(sorted(trials["device"].unique())),
        "precision": ", ".join(sorted(trials["precision"].unique())),
        "plan": "; ".join(sorted(trials["plan"].unique())),
        "data fingerprint": ", ".join(sorted(trials["data"].unique())),
        "hypotheses frozen": json.dumps(digests),
        "trials reused": f"{int(trials['reused'].sum())} of {len(trials)}",
    }
