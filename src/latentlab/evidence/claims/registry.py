"""The kinds of claims: a new one is a module beside this and a line here."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from latentlab.evidence.claims.association import Association
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.claims.contrasts import ArmsDiffer, DiffersFromControl, EffectVaries
from latentlab.evidence.claims.dominance import ProbabilityOfSuperiority
from latentlab.evidence.claims.interaction import Interaction
from latentlab.evidence.claims.location import Equivalence, NonInferiority, Superiority
from latentlab.evidence.claims.monotone import Monotone
from latentlab.evidence.claims.ranks import RanksDiffer

_Kinds = (
    Superiority
    | NonInferiority
    | Equivalence
    | Interaction
    | Monotone
    | Association
    | DiffersFromControl
    | ArmsDiffer
    | EffectVaries
    | ProbabilityOfSuperiority
    | RanksDiffer
)

Hypothesis = Annotated[_Kinds, Field(discriminator="kind")]
"""A claim of any kind, as `kind` says."""

KINDS: dict[str, type[Claim]] = {
    get_args(claim.model_fields["kind"].annotation)[0]: claim for claim in get_args(_Kinds)
}
"""What a file writes under `kind` -> the claim."""
