"""The next sweep of a study: a space refined by its evidence, and whether refining it helped."""

from latentlab.search.refinement.comparison import Comparison, compare
from latentlab.search.refinement.decisions import Decision
from latentlab.search.refinement.nulls import Nulls
from latentlab.search.refinement.refine import Refinement, refine
from latentlab.search.refinement.rules import AGGRESSIVE, CONSERVATIVE, Mode, Rules, rules_of
from latentlab.search.refinement.sweep_file import sweep_file

__all__ = [
    "AGGRESSIVE",
    "CONSERVATIVE",
    "Comparison",
    "Decision",
    "Mode",
    "Nulls",
    "Refinement",
    "Rules",
    "compare",
    "refine",
    "rules_of",
    "sweep_file",
]
