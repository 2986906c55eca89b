"""A study's report: one folder that can be moved, mailed and opened without a network.

`index.html` holds everything it shows: plotly.js once, the styles, the figures' data and the
pictures. Its content security policy forbids the browser to load anything else. `report.md` says
the same in text, and `tables/` and `figures/` hold what both were made from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from latentlab.errors import UserError
from latentlab.reporting.content import ReportContent
from latentlab.reporting.figures.pictures import png_bytes, png_uri
from latentlab.reporting.figures.template import template
from latentlab.reporting.formatting import as_text
from latentlab.reporting.markdown import escape_markdown, markdown_table
from latentlab.reporting.swap import replaced_folder
from latentlab.reporting.tables import differences_table, mean_cell, means_table, metric_note
from latentlab.reporting.verdicts import (
    HEADLINES,
    interval_label,
    verdict_rows,
    verdict_sentence,
    verdict_table,
)


@dataclass(frozen=True)
class _FigureView:
    """One figure as the templates need it: either `data` (plotly) or `uri` (picture) is set."""

    title: str
    caption: str
    slug: str
    height: int = 0
    data: markupsafe.Markup | None = None
    uri: str = ""


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
    views = _figure_views(content)
    with replaced_folder(folder, marker="report.md") as build:
        _write_tables(build / "tables", content)
        _write_figures(build / "figures", content, views)
        context = _context(content, views)
        environment = _environment()
        for name in ("index.html", "report.md"):
            text = environment.get_template(f"{name}.j2").render(context)
            (build / name).write_text(text, encoding="utf-8")
    return folder / "index.html"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("latentlab.reporting", "templates"),
        # Names come from configuration files. Markdown has its own escapes, as filters.
        autoescape=lambda name: name is None or not name.endswith(".md.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = escape_markdown
    environment.filters["md_table"] = markdown_table
    return environment


def _context(content: ReportContent, views: list[_FigureView]) -> dict[str, Any]:
    rows = verdict_rows(content.verdicts)
    folder = Path(__file__).parent / "templates"
    return {
        "content": content,
        "verdicts": [_verdict_view(row) for row in rows],
        "verdict_table": verdict_table(content.verdicts),
        "interval": _common_interval(rows),
        "comparison": _comparison_view(content.comparison),
        "arms": list(pd.unique(content.comparison["arm"])) if len(content.comparison) else [],
        "control": _control(content.comparison),
        "means_table": means_table(content.comparison),
        "differences_table": differences_table(content.comparison),
        "figures": views,
        "preview": png_uri(content.preview) if content.preview is not None else "",
        "plotlyjs": markupsafe.Markup(get_plotlyjs()) if any(v.data for v in views) else "",
        "css": _trusted(folder / "report.css"),
        "script": _trusted(folder / "report.js"),
        "templates": _script_json(
            {page: template(page).to_plotly_json() for page in ("light", "dark")}
        ),
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


def _figure_views(content: ReportContent) -> list[_FigureView]:
    views: list[_FigureView] = []
    taken: set[str] = set()
    for title, (figure, caption) in content.figures.items():
        slug = _slug(title, taken)
        if isinstance(figure, go.Figure):
            height = int(figure.layout.height or 420)
            view = _FigureView(title, caption, slug, height, data=_figure_json(figure))
        else:
            view = _FigureView(title, caption, slug, uri=png_uri(figure))
        views.append(view)
    return views


def _figure_json(figure: go.Figure) -> markupsafe.Markup:
    """A figure without its template: the page adds the light or the dark one."""
    bare = json.loads(figure.to_json())
    bare["layout"].pop("template", None)
    return _script_json(bare)


def _script_json(value: object) -> markupsafe.Markup:
    """JSON that may stand inside of a script element: no name can end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))


def _slug(title: str, taken: set[str]) -> str:
    """A file name and an anchor for a figure, different from all others."""
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "figure"
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    taken.add(slug)
    return slug


def _trusted(path: Path) -> markupsafe.Markup:
    return markupsafe.Markup(path.read_text(encoding="utf-8"))


def _write_tables(folder: Path, content: ReportContent) -> None:
    folder.mkdir()
    content.verdicts.to_csv(folder / "verdicts.csv", index=False)
    content.comparison.to_csv(folder / "comparison.csv", index=False)


def _write_figures(folder: Path, content: ReportContent, views: list[_FigureView]) -> None:
    if not views:
        return
    folder.mkdir()
    for view, (figure, _) in zip(views, content.figures.values(), strict=True):
        if isinstance(figure, go.Figure):
            text = figure.to_json()
            (folder / f"{view.slug}.json").write_text(text, encoding="utf-8")
        else:
            (folder / f"{view.slug}.png").write_bytes(png_bytes(figure))
