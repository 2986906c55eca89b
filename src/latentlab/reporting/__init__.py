"""What a study found, as tables, figures, lines in the terminal, and a report.

Tidy tables in, text and figures out: nothing here trains, tests a hypothesis, or knows a study.
Figures are in `reporting.figures`, which alone imports plotly; a report does when it is written.
"""

from latentlab.reporting.deviations import deviations
from latentlab.reporting.document import Document, Item, Section, write_document
from latentlab.reporting.sections import study_document
from latentlab.reporting.tables import comparison_table, differences_table, means_table
from latentlab.reporting.terminal import print_table, print_verdicts
from latentlab.reporting.verdicts import verdict_sentence, verdict_table

__all__ = [
    "Document",
    "Item",
    "Section",
    "comparison_table",
    "deviations",
    "differences_table",
    "means_table",
    "print_table",
    "print_verdicts",
    "study_document",
    "verdict_sentence",
    "verdict_table",
    "write_document",
]
