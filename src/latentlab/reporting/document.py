"""A report of sections: sentences, tables and figures, in one folder that can be moved.

A study's report has its own form (`report.py`); this one serves whatever else is found out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from latentlab.core.files import atomic_folder
from latentlab.reporting.formatting import as_text, format_number
from latentlab.reporting.rendering import (
    FigureView,
    environment,
    figure_views,
    page_parts,
    write_figures,
)
from latentlab.reporting.report_model import Figure


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes:
        title: its heading.
        sentences: above everything else in it.
        table: shown as it is; cells are text, or numbers that are shortened.
        figures: title to (figure, caption), in order.
        note: below the table.
    """

    title: str
    sentences: Sequence[str] = ()
    table: pd.DataFrame | None = None
    figures: Mapping[str, tuple[Figure, str]] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: for people.
        question: what was asked, one sentence.
        summary: sentences above everything else.
        sections: in order.
        tables: file name to table, written as CSV.
        texts: file name to text.
        reproduce: what was run and where, as text by name.
    """

    title: str
    question: str
    summary: Sequence[str]
    sections: Sequence[Section]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    reproduce: Mapping[str, str] = field(default_factory=dict)


def write_document(folder: Path, document: Document) -> Path:
    """Write `index.html`, `report.md` and all files, replacing an earlier report as a whole.

    Returns:
        The path of `index.html`.

    Raises:
        UserError: the folder holds something else than a report, or the disk refuses. An earlier
            report is then still there, unchanged.
    """
    drawn = {
        title: figure for section in document.sections for title, figure in section.figures.items()
    }
    views = figure_views(drawn)
    by_title = {view.title: view for view in views}
    context = {
        "document": document,
        "sections": [_section_view(section, by_title) for section in document.sections],
        **page_parts(views),
    }
    templates = environment()
    with atomic_folder(Path(folder), marker="report.md") as build:
        for name, table in document.tables.items():
            (build / name).parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(build / name, index=False)
        for name, text in document.texts.items():
            (build / name).write_text(text, encoding="utf-8")
        write_figures(build / "figures", drawn, views)
        for name, source in (("index.html", "document.html.j2"), ("report.md", "document.md.j2")):
            text = templates.get_template(source).render(context)
            (build / name).write_text(text, encoding="utf-8")
    return Path(folder) / "index.html"


def _section_view(section: Section, views: Mapping[str, FigureView]) -> dict[str, object]:
    table = section.table
    slug = "".join(c if c.isalnum() else "-" for c in section.title.lower())
    return {
        "slug": slug,
        "title": section.title,
        "sentences": section.sentences,
        "note": section.note,
        "table": None if table is None else _as_cells(table),
        "figures": [views[title] for title in section.figures],
    }


def _as_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every cell as text."""
    return pd.DataFrame({name: [_cell(v) for v in table[name]] for name in table.columns})


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        return format_number(float(value)) if np.isfinite(value) else as_text(float(value))
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return as_text(value)
