"""What a row of verdict says of its look: where it was decided, or why it is not waited for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.evidence.stopping import Stopping


def columns_of_looks(
    row: Mapping[str, Any],
    look: int,
    stopping: Stopping,
    tails: tuple[int, int],
    allowed: float,
    chance: float,
) -> dict[str, Any]:
    """Return the columns of `VERDICT_COLUMNS` that are about looks, and `cause` of an open claim.

    Args:
        row: the columns that there are already.
        look: the look whose statistics they are, counted from 0.
        stopping: what is declared.
        tails: one-sided tests that share alpha, of support and of refutation.
        allowed: the level that attempts before and the family's correction leave to the claim at
            first.
        chance: conditional power of an open claim.
    """
    count, verdict = len(stopping.looks), row["verdict"]
    found: dict[str, Any] = {"look": look + 1, "looks": count}
    if verdict != "inconclusive":
        shared = tails[0] if verdict == "supported" else tails[1]
        one_sided = stopping.rule.stagewise_p(row[f"p_{verdict}"] / shared, look, allowed / shared)
        return found | {
            "stagewise_p": min(1.0, shared * one_sided),
            "seeds_saved": stopping.looks[-1] - stopping.looks[look],
        }
    if look + 1 == count:
        return found
    found["conditional_power"] = chance
    if stopping.futility != "none" and chance < stopping.futility:
        found["cause"] = (
            f"futile at look {look + 1}: as the trend stands, the chance of an answer by look "
            f"{count} is {chance:.2g}, below the declared {stopping.futility:g}"
        )
    elif not row["cause"]:
        found["cause"] = f"open at look {look + 1} of {count}, and no further seeds were run"
    return found
