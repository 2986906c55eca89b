"""What of claims is registered: all that decides how they are judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.core.model import StrictModel
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.meaning import WORDS
from latentlab.metrics.metric import Metric


class ClaimStatement(StrictModel):
    """All that decides how a claim is judged.

    Args:
        claim: its own fields, without those at their defaults.
        family: name, level, correction and status of its family, and the claims in it.
    """

    claim: dict[str, Any]
    family: dict[str, Any]


def statements(
    hypotheses: Hypotheses, metrics: Mapping[str, Metric], grouping: str = ""
) -> dict[str, ClaimStatement]:
    """How each claim is judged: what it states, its family, and the family's other claims.

    The scale that its metric declares is a part of what it states, where it is not linear; and
    which examples belong together, where it is to hold for others.

    Args:
        hypotheses: the claims.
        metrics: name -> metric.
        grouping: digest of the groups of examples; empty where there are none.
    """
    scales = {name: claim.scale(metrics) for name, claim in hypotheses.hypotheses.items()}
    return {
        name: ClaimStatement(
            claim={
                "kind": claim.kind,
                **_declared(claim, metrics),
                **({} if scales[name] == "linear" else {"scale": scales[name]}),
                **({"groups": grouping} if grouping and "examples" in claim.population else {}),
            },
            family={
                "name": claim.family,
                **hypotheses.family_of(name).model_dump(mode="json"),
                "claims": sorted(
                    n for n, c in hypotheses.hypotheses.items() if c.family == claim.family
                ),
            },
        )
        for name, claim in hypotheses.hypotheses.items()
    }


def _declared(claim: Claim, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """Return the fields of a claim that are not at their defaults.

    A direction that the metric has anyway is one: it says nothing.
    """
    stated = claim.model_dump(mode="json", exclude_defaults=True)
    known = metrics.get(claim.metric.name)
    if known is not None and known.better == claim.metric.better:
        del stated["metric"]["better"]
    return stated


def deciding(statement: ClaimStatement) -> dict[str, Any]:
    """What of a claim decides its verdict: no words for readers, no tests reported beside."""
    claim = {key: value for key, value in statement.claim.items() if key not in WORDS}
    if isinstance(claim.get("test"), dict):
        claim["test"] = {k: v for k, v in claim["test"].items() if k != "sensitivity"}
    return claim
