"""Why a hypothesis that was tested is left open, in a clause."""

from __future__ import annotations

import math

from latentlab.evidence.assessment import Assessment, Level

_UNDEFINED = {"paired_t": ("differences", "sign_flip"), "welch_t": ("scores", "permutation")}
"""Tests that divide by a spread: of what, and the exact test of the same effect."""


def why_open(assessment: Assessment, level: Level, *, contradictory: bool) -> str:
    """Say why a hypothesis is inconclusive; empty where the data alone leave it open.

    Args:
        assessment: its statistics.
        level: the levels they were computed at.
        contradictory: whether both directions were significant.
    """
    if assessment.n < level.min_seeds:
        return (
            f"too few to decide: n = {assessment.n} is below the minimum of {level.min_seeds}, "
            "whatever the p-value"
        )
    allowed = level.one_sided * level.spending
    if assessment.attainable_p > allowed:
        return (
            f"unattainable: {assessment.test} cannot give a p-value below "
            f"{assessment.attainable_p:.3g} at n = {assessment.n}, and the family leaves "
            f"{allowed:.3g}"
        )
    if contradictory:
        return "the trend is certain but within the range declared to be no trend"
    if math.isnan(assessment.p_supported):
        what, other = _UNDEFINED.get(assessment.test, ("scores", ""))
        remedy = f"; it is not with test.primary: {other}" if other else ""
        return f"{assessment.test} is undefined on {what} that do not vary{remedy}"
    return ""
