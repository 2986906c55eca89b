"""Evidence: how declared hypotheses and tables of scores become verdicts.

Tables in, tables out. Declare (`hypotheses`), check (`checks`), freeze (`freeze`), judge
(`verdicts`); the statistics lie beneath, one idea per module.
"""

from latentlab.evidence.checks import check
from latentlab.evidence.freeze import Freeze, digest, freeze
from latentlab.evidence.hypotheses import Hypotheses, read_hypotheses
from latentlab.evidence.metric import Metric
from latentlab.evidence.verdicts import VERDICT_COLUMNS, judge

__all__ = [
    "VERDICT_COLUMNS",
    "Freeze",
    "Hypotheses",
    "Metric",
    "check",
    "digest",
    "freeze",
    "judge",
    "read_hypotheses",
]
