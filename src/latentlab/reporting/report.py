"""A study's report: one folder that can be moved, mailed and opened without a network.

`index.html` holds everything it shows: plotly.js once, the styles, the figures' data and the
pictures. Its content security policy forbids the browser to load anything else. `report.md` says
the same in text, and `tables/` and `figures/` hold what both were made from.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from latentlab.core.atomic_folder import replaced_folder
from latentlab.core.errors import UserError
from latentlab.reporting.figures.pictures import png_uri
from latentlab.reporting.formatting import as_text
from latentlab.reporting.pooled import left_out_text, pooled_names, pooled_table
from latentlab.reporting.prose import pooled_sentence, verdict_sentence
from latentlab.reporting.rendering import (
    FigureView,
    environment,
    figure_views,
    page_parts,
    write_figures,
)
from latentlab.reporting.report_model import ReportContent
from latentlab.reporting.tables import differences_table, mean_cell, means_table, metric_note
from latentlab.reporting.verdicts import (
    HEADLINES,
    interval_label,
    verdict_rows,
    verdict_table,
)


def write_report(folder: Path, content: ReportContent) -> Path:
    """Write the report of a study, replacing an earlier one as a whole.

    Args:
        folder: where to write; its parents are created.
        content: what to say.

    Returns:
        The path of `index.html`.

    Raises:
        UserError: the folder holds something else than a report, or the disk refuses. An earlier
            report is then still there, unchanged.
    """
    if content.verdicts.empty and content.comparison.empty:
        raise UserError(
            f"There is nothing to report for '{content.title}': no verdicts and no comparison",
            "Run the evaluation before the report.",
        )
    folder = Path(folder)
    views = figure_views(content.figures)
    with replaced_folder(folder, marker="report.md") as build:
        _write_tables(build / "tables", content)
        write_figures(build / "figures", content.figures, views)
        context = _context(content, views)
        templates = environment()
        for name in ("index.html", "report.md"):
            text = templates.get_template(f"{name}.j2").render(context)
            (build / name).write_text(text, encoding="utf-8")
    return folder / "index.html"


def _context(content: ReportContent, views: list[FigureView]) -> dict[str, Any]:
    rows = verdict_rows(content.verdicts)
    return {
        "content": content,
        "verdicts": [_verdict_view(row) for row in rows],
        "verdict_table": verdict_table(content.verdicts),
        "interval": _common_interval(rows),
        "pooled": _pooled_view(content.pooled),
        "comparison": _comparison_view(content.comparison),
        "arms": list(pd.unique(content.comparison["arm"])) if len(content.comparison) else [],
        "control": _control(content.comparison),
        "means_table": means_table(content.comparison),
        "differences_table": differences_table(content.comparison),
        "figures": views,
        "preview": png_uri(content.preview) if content.preview is not None else "",
        **page_parts(views),
    }


def _verdict_view(row: dict[Hashable, Any]) -> dict[Hashable, str]:
    verdict = as_text(row.get("verdict"))
    cells = verdict_table(pd.DataFrame([row])).iloc[0].to_dict()
    return {
        **cells,
        "kind": verdict if verdict in HEADLINES else "invalid",
        "headline": HEADLINES.get(verdict, verdict),
        "sentence": verdict_sentence(row),
    }


def _pooled_view(pooled: pd.DataFrame) -> dict[str, Any]:
    """The problems' names, a finding per verdict, and their table; empty without verdicts."""
    if pooled.empty:
        return {}
    return {
        "names": ", ".join(pooled_names(pooled)),
        "left_out": left_out_text(pooled),
        "findings": [
            _verdict_view(row) | {"sentence": pooled_sentence(row)} for row in verdict_rows(pooled)
        ],
        "table": pooled_table(pooled),
    }


def _common_interval(rows: list[dict[Hashable, Any]]) -> str:
    """The label of the intervals, with their level where all verdicts share one."""
    labels = {interval_label(row) for row in rows if as_text(row.get("interval_level"))}
    return labels.pop() if len(labels) == 1 else "unadjusted interval"


def _comparison_view(comparison: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry per metric: its note, its means by arm, and its differences from the control."""
    if comparison.empty:
        return []
    differences = differences_table(comparison)
    return [
        {
            "metric": metric,
            "note": metric_note(group.iloc[0]),
            "cells": [mean_cell(row).partition(" [") for row in group.to_dict("records")],
            "differences": differences[differences["metric"] == metric]
            .drop(columns="metric")
            .to_numpy()
            .tolist()
            if len(differences)
            else [],
        }
        for metric, group in comparison.groupby("metric", sort=False)
    ]


def _control(comparison: pd.DataFrame) -> str:
    if comparison.empty:
        return ""
    return str(comparison.loc[comparison["is_control"].astype(bool), "arm"].iloc[0])


def _write_tables(folder: Path, content: ReportContent) -> None:
    folder.mkdir()
    content.verdicts.to_csv(folder / "verdicts.csv", index=False)
    content.comparison.to_csv(folder / "comparison.csv", index=False)
    if len(content.pooled):
        content.pooled.to_csv(folder / "pooled_verdicts.csv", index=False)
