"""What the pages of all reports share: templates, figures inside of the page, files beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from latentlab.reporting.figures.pictures import png_bytes, png_uri
from latentlab.reporting.figures.template import template
from latentlab.reporting.markdown import escape_markdown, markdown_table
from latentlab.reporting.report_model import Figure


@dataclass(frozen=True)
class FigureView:
    """One figure as the templates need it: either `data` (plotly) or `uri` (picture) is set."""

    title: str
    caption: str
    slug: str
    height: int = 0
    data: markupsafe.Markup | None = None
    uri: str = ""


def environment() -> jinja2.Environment:
    """Templates that escape what they are given."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("latentlab.reporting", "templates"),
        # Names come from configuration files. Markdown has its own escapes, as filters.
        autoescape=lambda name: name is None or not name.endswith(".md.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["md"] = escape_markdown
    found.filters["md_table"] = markdown_table
    return found


def page_parts(views: Sequence[FigureView]) -> dict[str, Any]:
    """Style, script and templates of figures, as every page needs them."""
    folder = Path(__file__).parent / "templates"
    return {
        "plotlyjs": markupsafe.Markup(get_plotlyjs()) if any(v.data for v in views) else "",
        "css": _trusted(folder / "report.css"),
        "script": _trusted(folder / "report.js"),
        "templates": _script_json(
            {page: template(page).to_plotly_json() for page in ("light", "dark")}
        ),
    }


def figure_views(figures: Mapping[str, tuple[Figure, str]]) -> list[FigureView]:
    """Figures as templates need them, by title: (figure, caption)."""
    views: list[FigureView] = []
    taken: set[str] = set()
    for title, (figure, caption) in figures.items():
        slug = _slug(title, taken)
        if isinstance(figure, go.Figure):
            height = int(figure.layout.height or 420)
            view = FigureView(title, caption, slug, height, data=_figure_json(figure))
        else:
            view = FigureView(title, caption, slug, uri=png_uri(figure))
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


def write_figures(
    folder: Path, figures: Mapping[str, tuple[Figure, str]], views: Sequence[FigureView]
) -> None:
    """The figures as files: plotly's JSON, or PNG."""
    if not views:
        return
    folder.mkdir()
    for view, (figure, _) in zip(views, figures.values(), strict=True):
        if isinstance(figure, go.Figure):
            text = figure.to_json()
            (folder / f"{view.slug}.json").write_text(text, encoding="utf-8")
        else:
            (folder / f"{view.slug}.png").write_bytes(png_bytes(figure))
