"""How a report becomes files: templates, figures inside of the page, and figures as files."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import jinja2
import markupsafe
import plotly.graph_objects as go
from PIL import Image
from plotly.offline import get_plotlyjs

from latentlab.core.file_names import file_name
from latentlab.reporting.figures.pictures import png_bytes, png_uri
from latentlab.reporting.figures.template import template
from latentlab.reporting.markdown import escape_markdown, markdown_table

Figure: TypeAlias = go.Figure | Image.Image
"""What a report can show."""
_IN_BACKTICKS = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class FigureView:
    """One figure as the templates need it: either `data` (plotly) or `uri` (picture) is set."""

    title: str
    figure: Figure
    caption: str
    name: str
    height: int = 0
    data: markupsafe.Markup | None = None
    uri: str = ""


def environment() -> jinja2.Environment:
    """Templates that escape what they are given."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("latentlab.reporting", "templates"),
        # Names come from configuration files. Markdown has its own escapes, as filters.
        autoescape=lambda name: name is None or not name.endswith(".md.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["breakable"] = _breakable
    templates.filters["with_code"] = _with_code
    templates.filters["md"] = escape_markdown
    templates.filters["md_table"] = markdown_table
    return templates


def page_parts(views: Sequence[FigureView]) -> dict[str, Any]:
    """Style, scripts and templates of figures, as every page needs them."""
    folder = Path(__file__).parent / "templates"
    return {
        "plotlyjs": _plotlyjs() if any(view.data for view in views) else "",
        "css": _trusted(folder / "report.css"),
        "page_script": _trusted(folder / "page.js"),
        "figures_script": _trusted(folder / "figures.js"),
        "templates": _script_json(
            {page: template(page).to_plotly_json() for page in ("light", "dark")}
        ),
    }


@functools.cache
def _plotlyjs() -> str:
    """plotly.js, gzipped, in base64: a third of its 5 MB, which the page's script inflates."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def figure_view(title: str, figure: Figure, caption: str, taken: Collection[str]) -> FigureView:
    """A figure as templates need it, with a file name that is not among those `taken`."""
    own = file_name(title.lower(), taken)
    if isinstance(figure, go.Figure):
        height = int(figure.layout.height or 420)
        return FigureView(title, figure, caption, own, height, data=_figure_json(figure))
    return FigureView(title, figure, caption, own, uri=png_uri(figure))


def _figure_json(figure: go.Figure) -> markupsafe.Markup:
    """A figure without its template: the page adds the light or the dark one."""
    bare = json.loads(figure.to_json())
    bare["layout"].pop("template", None)
    return _script_json(bare)


def _script_json(value: object) -> markupsafe.Markup:
    """JSON that may stand inside of a script element: no name can end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))


def _breakable(text: str) -> markupsafe.Markup:
    """A text that may go on in the next line after each underscore of a long name."""
    return markupsafe.escape(text).replace("_", markupsafe.Markup("_<wbr>"))


def _with_code(text: str) -> markupsafe.Markup:
    """A sentence whose parts in backticks, such as commands, are shown as code."""
    escaped = str(markupsafe.escape(text))
    return markupsafe.Markup(_IN_BACKTICKS.sub(r"<code>\1</code>", escaped))


def _trusted(path: Path) -> markupsafe.Markup:
    return markupsafe.Markup(path.read_text(encoding="utf-8"))


def write_figures(folder: Path, views: Sequence[FigureView]) -> None:
    """Write the figures as files: plotly's JSON, or PNG."""
    if not views:
        return
    folder.mkdir()
    for view in views:
        if isinstance(view.figure, go.Figure):
            text = view.figure.to_json()
            (folder / f"{view.name}.json").write_text(text, encoding="utf-8")
        else:
            (folder / f"{view.name}.png").write_bytes(png_bytes(view.figure))
