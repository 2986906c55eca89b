"""The next sweep of a study: a space refined by its evidence, and whether refining it helped."""

from latentlab.search.refine.comparison import Comparison, compare
from latentlab.search.refine.decisions import Decision
from latentlab.search.refine.refine import Refinement, refine
from latentlab.search.refine.rules import AGGRESSIVE, CONSERVATIVE, Mode, Rules, rules_of
from latentlab.search.refine.sweep_file import sweep_file

__all__ = [
    "AGGRESSIVE",
    "CONSERVATIVE",
    "Comparison",
    "Decision",
    "Mode",
    "Refinement",
    "Rules",
    "compare",
    "refine",
    "rules_of",
    "sweep_file",
]
