"""What a claim asks: whoever asks the same again makes another attempt, and pays for it.

Asked is a kind, a metric with its direction, arms and a boundary. Not asked is how it is answered:
on which split and scale, for which population, by which test and with which correction. Whoever
turns one of these tries again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.evidence.margins import boundary_of

WORDS = ("question", "margin_rationale")
"""What of a claim is for readers and decides nothing."""
BOUNDARIES = frozenset({"min_effect", "margin"})
"""Keys of a claim that say how much is enough."""
_HOW = frozenset(
    {
        *(*WORDS, "family", "test", "min_seeds", "missing", "pairing", "varies", "search"),
        *("scale", "generalises_to", "groups"),
    }
)
"""Keys of a claim that say how it is answered."""


@dataclass(frozen=True)
class Asked:
    """A claim and what its arms are.

    Args:
        claim: its fields, without those at their defaults.
        arms: arm -> its configuration.
    """

    claim: Mapping[str, Any]
    arms: Mapping[str, Any]

    def meaning(self, *, by_name: bool, but: frozenset[str]) -> str:
        """Return what is asked, said in one way: in one order, with boundaries in one form.

        Args:
            by_name: whether arms are known by their names or by their configurations.
            but: keys that are left out.
        """
        asked = {key: value for key, value in self.claim.items() if key not in _HOW | but}
        asked["metric"] = {k: v for k, v in self.claim["metric"].items() if k != "split"}
        for key in BOUNDARIES & asked.keys():
            boundary = boundary_of(asked.pop(key))
            if boundary.value > 0:
                asked[key] = f"{boundary.value:.12g}{' of control' if boundary.relative else ''}"
        if "levels" in asked:
            steps = sorted(set(asked["levels"].values()))
            asked["levels"] = {arm: steps.index(level) for arm, level in asked["levels"].items()}
        return json.dumps(_said(asked, {} if by_name else self.arms), sort_keys=True)


def same(one: Asked, other: Asked, by_name: bool, but: frozenset[str] = frozenset()) -> bool:
    """Say whether two claims ask the same.

    Args:
        one: a claim.
        other: the other.
        by_name: whether arms of one name are the same too; those of one configuration are.
        but: keys that do not matter.
    """
    ways = (True, False) if by_name else (False,)
    return any(
        one.meaning(by_name=way, but=but) == other.meaning(by_name=way, but=but) for way in ways
    )


def _said(asked: Any, arms: Mapping[str, Any]) -> Any:
    """Return what is asked with lists in one order, and configurations in the place of arms."""
    if isinstance(asked, Mapping):
        return {
            json.dumps(arms[key], sort_keys=True) if key in arms else key: _said(value, arms)
            for key, value in asked.items()
        }
    if isinstance(asked, (list, tuple)):
        return sorted((_said(one, arms) for one in asked), key=json.dumps)
    return arms.get(asked, asked) if isinstance(asked, str) else asked
