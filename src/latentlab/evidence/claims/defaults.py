"""What a file states once for all of its claims.

A default holds for a claim whose kind has that key, where the claim does not say it. Blocks
(`metric`, `arms`, `test`) are filled in key by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from latentlab.core.model import StrictModel
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.claims.location import Pairing
from latentlab.evidence.claims.location_procedure import Population
from latentlab.evidence.decisions import Sides
from latentlab.evidence.margins import Margin, MinimumEffect
from latentlab.evidence.samples import Missing
from latentlab.metrics.metric import Better
from latentlab.statistics.attainable import LocationTest


class MetricDefaults(StrictModel):
    """Parts of a reference to a metric."""

    name: str | None = None
    split: str | None = None
    better: Better | None = None


class ArmDefaults(StrictModel):
    """Parts of a pair of arms."""

    treatment: str | None = None
    control: str | None = None


class ProcedureDefaults(StrictModel):
    """Parts of a procedure of testing."""

    primary: LocationTest | None = None
    sensitivity: tuple[LocationTest, ...] | None = None
    sides: Sides | None = None


class Defaults(StrictModel):
    """What holds for every hypothesis of its kind that does not say otherwise."""

    min_seeds: int = Field(default=5, ge=2, le=10_000)
    pairing: Pairing = "seed"
    generalises_to: Population | None = None
    missing: Missing = "fail"
    family: str | None = None
    metric: MetricDefaults | None = None
    arms: ArmDefaults | None = None
    test: ProcedureDefaults | None = None
    varies: tuple[str, ...] | None = None
    min_effect: MinimumEffect | None = None
    margin: Margin | None = None
    margin_rationale: str | None = None

    def fill(self, kind: type[Claim], stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return a claim as it is written, and with it what it leaves to the defaults.

        Args:
            kind: the class of the claim.
            stated: what the file says of it.
        """
        given = self.model_dump(mode="json", exclude_none=True)
        declined = kind.declines(stated)
        return _filled(kind, stated, {k: v for k, v in given.items() if k not in declined})


def _filled(
    model: type[BaseModel], stated: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    result = dict(stated)
    for key in (key for key in given if key in model.model_fields):
        value, own = given[key], stated.get(key, {})
        if not isinstance(value, Mapping):
            result.setdefault(key, value)
            continue
        block = model.model_fields[key].annotation
        if not (isinstance(block, type) and issubclass(block, BaseModel)):
            continue
        # Nothing of a pair of arms fits a design of four: there is then nothing to fill in.
        if isinstance(own, Mapping) and (filled := _filled(block, own, value)):
            result[key] = filled
    return result
