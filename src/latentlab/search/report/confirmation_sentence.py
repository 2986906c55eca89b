"""The sentence on what fresh seeds showed of a winner, losses first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from latentlab.reporting.formatting import (
    as_float,
    as_text,
    format_estimate,
    format_number,
    plural,
)


def confirmation_sentence(row: Mapping[Hashable, Any]) -> str:
    """Say what a winner gained over the default on fresh seeds, and what was lost.

    Args:
        row: of the confirmation's table.
    """
    seeds, pairs = (int(row[key]) for key in ("seeds", "pairs"))
    lost = {arm: int(row[f"{arm}_lost"]) for arm in ("winner", "default")}
    start, end = f"On {seeds} fresh seeds", ""
    if any(lost.values()):
        start = (
            f"Of {seeds} fresh seeds the winner was lost on {lost['winner']} and the default on "
            f"{lost['default']} (diverged, or without a score)"
        )
        if pairs == 0:
            return f"{start}: no seed is left to compare them on, and the gain is not confirmed."
        start += f". On the {plural(pairs, 'seed')} that both finished"
        end = " That leaves the losses out, so that the gain is not confirmed."
    gain = format_estimate(*(as_float(row[key]) for key in ("gain", "low", "high")))
    return (
        f"{start} the winner's {row['metric']} is {format_number(row['winner'])} on test, the "
        f"default's {format_number(row['default'])}: a gain of {gain}.{end} In the search "
        f"the winner seemed to reach {format_number(row['search_score'])} on validation."
        f"{_standing(row)}"
    )


def _standing(row: Mapping[Hashable, Any]) -> str:
    """Say what the claim that the winner is better may be called, and at which attempt."""
    if not (status := as_text(row.get("status"))):
        return ""
    reason = as_text(row.get("status_reason"))
    attempt = int(as_float(row.get("attempt")))
    paid = f" at attempt {attempt}, whose p pays for those before" if attempt > 1 else ""
    return (
        f" That it is better is {as_text(row.get('verdict'))}{paid}; "
        f"{status}{': ' if reason else ''}{reason}."
    )
