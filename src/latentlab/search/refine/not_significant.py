"""Why nothing is done about a parameter, and what would change that."""

from __future__ import annotations

import math
from collections.abc import Mapping

from latentlab.reporting.formatting import format_p
from latentlab.search.refine.decisions import Action
from latentlab.search.refine.rules import Rules
from latentlab.search.screening import Screening, ScreeningTest
from latentlab.search.screening.collinearity import CollinearPair
from latentlab.search.screening.levels import ROUNDING

_HINT = 1.5
"""-log p above which an effect may be one: it is as large in a fifth of all null replicates."""
_MOST_TIMES = 20


def not_significant(test: ScreeningTest, screening: Screening, rules: Rules) -> Action:
    """Keep a parameter as it is."""
    if test.reason:
        return Action(
            "keep", "", "not tested", f"{test.reason}.", "there were something to compare."
        )
    if test.p_main <= rules.alpha + ROUNDING:
        stronger = " and ".join(test.conditional_on)
        return Action(
            "keep",
            "",
            "effect given stronger ones",
            f"given {stronger} nothing certain is left of its effect "
            f"(p {format_p(test.p_corrected)}): it may only have gone along.",
            f"it still mattered in a sweep in which {stronger} no longer varies.",
        )
    reason = (
        f"its effect may be chance: corrected p {format_p(test.p_corrected)} is above "
        f"{rules.alpha:g}."
    )
    return Action("keep", "", "main effect", reason, _more_rows(test, screening, rules))


def inseparable(twins: Mapping[str, CollinearPair]) -> Action:
    """Keep a parameter that matters, since others that varied with it may be what matters.

    Args:
        twins: as `Screening.twins` gives them.
    """
    others = " and ".join(twins)
    shown = ", ".join(pair.shown for pair in twins.values())
    return Action(
        "keep",
        "",
        "collinear parameters",
        f"it varied together with {others} ({shown}), and given {others} nothing certain is left "
        "of its effect: which of them matters cannot be told.",
        f"it still mattered in a sweep in which it varies independently of {others}.",
    )


def _more_rows(test: ScreeningTest, screening: Screening, rules: Rules) -> str:
    """How many rows would do, -log p being proportional to them; or that nothing shows."""
    if screening.replicates + 1 < 1 / rules.alpha:
        return (
            f"there were more null replicates: {screening.replicates} cannot show a p of "
            f"{rules.alpha:g}."
        )
    neg_log_p = screening.neg_log_p(test.parameter)
    needed = screening.family.needed(rules.alpha)
    if neg_log_p < _HINT or needed > _MOST_TIMES * neg_log_p:
        return "an effect showed; here none does."
    rows = math.ceil(test.rows * max(needed / neg_log_p, 1))
    return f"about {rows} configurations showed what these {test.rows} show."
