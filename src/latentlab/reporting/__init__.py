"""What a study found, as tables, figures, lines in the terminal, and a report.

Tidy tables in, text and figures out: nothing here trains, tests a hypothesis, or knows a study.
What is public is imported when it is first asked for: who only formats a number needs neither
scipy nor plotly. Figures are in `reporting.figures`, what did not go as planned is said by
`reporting.deviations`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentlab.reporting.document import Document, Item, Section, write_document
    from latentlab.reporting.means import means_table
    from latentlab.reporting.sections import study_document
    from latentlab.reporting.tables import comparison_table, differences_table
    from latentlab.reporting.terminal import print_table, print_verdicts
    from latentlab.reporting.verdict_cells import verdict_table
    from latentlab.reporting.verdict_prose import verdict_sentence

__all__ = [
    "Document",
    "Item",
    "Section",
    "comparison_table",
    "differences_table",
    "means_table",
    "print_table",
    "print_verdicts",
    "study_document",
    "verdict_sentence",
    "verdict_table",
    "write_document",
]

_HOMES = {
    "document": ("Document", "Item", "Section", "write_document"),
    "sections": ("study_document",),
    "means": ("means_table",),
    "tables": ("comparison_table", "differences_table"),
    "terminal": ("print_table", "print_verdicts"),
    "verdict_cells": ("verdict_table",),
    "verdict_prose": ("verdict_sentence",),
}


def __getattr__(name: str) -> object:
    """Import a public name from its module."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
