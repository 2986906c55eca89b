"""The one form of all reports: a document of sections, written as one folder that can be moved.

`index.html` holds everything it shows: plotly.js once, the styles, the figures' data and the
pictures. Its content security policy forbids the browser to load anything else. `report.md` says
the same in text, and the folder has the tables and figures that both were made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from latentlab.core.file_names import file_name
from latentlab.core.files import atomic_folder
from latentlab.reporting.cells import Cell, as_cell

if TYPE_CHECKING:
    from latentlab.reporting.rendering import Figure, FigureView


@dataclass(frozen=True)
class Item:
    """One entry of a list.

    Attributes:
        text: what it says.
        name: of what it speaks; printed strongly before the text.
    """

    text: str
    name: str = ""


@dataclass(frozen=True)
class Unfolding:
    """What a row of a table unfolds to.

    Attributes:
        title: the line that is clicked, below the row.
        sentences: in order.
        facts: text, numbers or a `Cell` by name, below the sentences.
        anchor: the row's address on the page.
    """

    title: str
    sentences: Sequence[str]
    facts: Mapping[str, object]
    anchor: str


@dataclass(frozen=True)
class Section:
    """One part of a report; what it has is shown in the order of its attributes.

    Attributes:
        title: its heading.
        sentences: above everything else in it.
        table: shown as it is; values are text, numbers, which are shortened, or a `Cell`.
        figures: title to (figure, caption), in order.
        note: below the table.
        items: a list, between sentences and table.
        facts: text, numbers or a `Cell` by name, between the list and the table.
        group: a column of the table whose values stand once above their rows, as headings.
        unfoldings: what the table's rows unfold to, one a row in their order; none where they do
            not.
        legend: what the shades of its cells say; none where they have no shades.
        sections: its own parts, at the end.
        folded: whether it unfolds only when its heading is clicked.
        anchor: its address on the page; made from the title where it is empty.
    """

    title: str
    sentences: Sequence[str] = ()
    table: pd.DataFrame | None = None
    figures: Mapping[str, tuple[Figure, str]] = field(default_factory=dict)
    note: str = ""
    items: Sequence[Item] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    group: str = ""
    unfoldings: Sequence[Unfolding] = ()
    legend: Sequence[Cell] = ()
    sections: Sequence[Section] = ()
    folded: bool = False
    anchor: str = ""


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
        reproduce: what was run and where, as text by name; the last section.
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

    Args:
        folder: where to write; its parents are created.
        document: what to say.

    Returns:
        The path of `index.html`.

    Raises:
        UserError: the folder holds something else than a report, or the disk refuses. An earlier
            report is then still there, unchanged.
    """
    # Imports plotly, which only a report that is written needs.
    from latentlab.reporting.rendering import environment, page_parts, write_figures

    folder = Path(folder)
    figures: list[FigureView] = []
    context = {
        "document": document,
        "sections": [_section_view(section, figures) for section in document.sections],
        "files": [*document.tables, *document.texts],
        "has_figures": bool(figures),
        **page_parts(figures),
    }
    templates = environment()
    with atomic_folder(folder, marker="report.md") as build:
        for name, table in document.tables.items():
            (build / name).parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(build / name, index=False)
        for name, text in document.texts.items():
            (build / name).write_text(text, encoding="utf-8")
        write_figures(build / "figures", figures)
        for name, source in (("index.html", "document.html.j2"), ("report.md", "document.md.j2")):
            text = templates.get_template(source).render(context)
            (build / name).write_text(text, encoding="utf-8")
    return folder / "index.html"


def _section_view(section: Section, figures: list[FigureView]) -> dict[str, Any]:
    """A section as the templates need it; its figures are added to those of the page."""
    from latentlab.reporting.rendering import figure_view

    first = len(figures)
    for title, (figure, caption) in section.figures.items():
        taken = {view.name for view in figures}
        figures.append(figure_view(title, figure, caption, taken))
    own = figures[first:]
    return {
        "title": section.title,
        "anchor": section.anchor or file_name(section.title.lower()),
        "own_anchor": section.anchor,
        "sentences": section.sentences,
        "items": section.items,
        "facts": _facts_view(section.facts),
        "table": _table_view(section),
        "note": section.note,
        "figures": own,
        "sections": [_section_view(part, figures) for part in section.sections],
        "folded": section.folded,
    }


def _facts_view(facts: Mapping[str, object]) -> dict[str, Cell]:
    return {name: as_cell(value) for name, value in facts.items()}


def _table_view(section: Section) -> dict[str, Any] | None:
    """The table as cells: whole for Markdown, and in groups of rows for the page."""
    if section.table is None or section.table.empty:
        return None
    cells = section.table.map(as_cell)
    groups: list[tuple[Cell | None, pd.DataFrame]] = [(None, cells)]
    if section.group:
        headings = cells[section.group]
        groups = [
            (heading, cells[headings == heading].drop(columns=section.group))
            for heading in dict.fromkeys(headings)
        ]
    return {
        "cells": cells,
        "columns": [as_cell(name) for name in groups[0][1].columns],
        "groups": [(heading, rows.to_numpy().tolist()) for heading, rows in groups],
        "unfoldings": [
            replace(unfolding, facts=_facts_view(unfolding.facts))
            for unfolding in section.unfoldings
        ],
        "legend": section.legend,
    }
