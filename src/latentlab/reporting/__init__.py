"""What a study found, as tables, figures, lines in the terminal, and a report.

Tidy tables in, text and figures out: nothing here trains, tests a hypothesis, or knows a study.
"""

from latentlab.reporting.deviations import deviations
from latentlab.reporting.prose import verdict_sentence
from latentlab.reporting.report import write_report
from latentlab.reporting.report_model import ReportContent
from latentlab.reporting.tables import comparison_table, differences_table, means_table
from latentlab.reporting.terminal import print_table, print_verdicts
from latentlab.reporting.verdicts import verdict_table

__all__ = [
    "ReportContent",
    "comparison_table",
    "deviations",
    "differences_table",
    "means_table",
    "print_table",
    "print_verdicts",
    "verdict_sentence",
    "verdict_table",
    "write_report",
]
