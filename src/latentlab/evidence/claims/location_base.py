"""Claims about where scores lie, for all kinds: what is declared, and what they read as."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from latentlab.core.arrays import Array
from latentlab.core.errors import UserError
from latentlab.evidence.assessment import Foreseen, Level
from latentlab.evidence.claims.base import Source, amount
from latentlab.evidence.claims.location_procedure import LocationProcedure, Population
from latentlab.evidence.claims.scaled import ScaledClaim
from latentlab.evidence.decisions import (
    Comparison,
    Sides,
)
from latentlab.evidence.samples import ArmScores
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric
from latentlab.statistics.attainable import seeds_for_attainable
from latentlab.statistics.power import detectable_effect, detectable_margin

_FINDINGS = {
    ("superiority", True): "is better by more than {}",
    ("superiority", False): "is not better by {}",
    ("non_inferiority", True): "is not worse by {}",
    ("non_inferiority", False): "is worse by more than {}",
    ("equivalence", True): "differs by less than {}",
    ("equivalence", False): "differs by more than {}",
}


class DeclaredLocation(ScaledClaim):
    """A claim about where the treatment's scores lie compared with the control's."""

    test: LocationProcedure = Field(LocationProcedure(), description="the tests")
    generalises_to: Population = Field(
        ("seeds",),
        description="what the verdict is to hold for: other seeds on the same test examples, or "
        "other seeds and other examples",
    )

    @property
    @abstractmethod
    def comparison(self) -> Comparison:
        """Which row of the table of verdicts applies."""

    @abstractmethod
    def contrast(self, samples: ArmScores) -> tuple[Array, Array]:
        """Return the scores of treatment and control, in the metric's units."""

    @property
    def population(self) -> tuple[Source, ...]:
        """As declared."""
        return self.generalises_to

    @property
    def sides(self) -> Sides:
        """As declared."""
        return self.test.sides

    @property
    def tails(self) -> tuple[int, int]:
        """An equivalence is refuted on either side."""
        return (1, 2) if self.comparison == "equivalence" else super().tails

    @property
    def primary_test(self) -> str:
        """As declared."""
        return self.test.primary

    @property
    def needs_direction(self) -> bool:
        """Whether the claim speaks of better and worse: only equivalence does not."""
        return self.comparison != "equivalence"

    def unscaled(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary is none on the metric's scale; None where it is one."""
        if self.scale(metrics) == "log" and "examples" in self.population:
            return UserError(
                f"generalises_to: {self.metric.name} is compared by ratios, and the logarithm of a "
                "mean is no mean over examples",
                "Write generalises_to: seeds for this claim",
            )
        return super().unscaled(metrics)

    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return the metric's unit, or that of a share of the control's mean."""
        if self.boundary_on(metrics).log:
            return "% of control geometric mean"
        if self.boundary.relative:
            return "% of control mean"
        return metrics[self.metric.name].unit if self.metric.name in metrics else ""

    def foreseen(self, level: Level, seeds: int, arms: int) -> Foreseen:
        """Return what seeds can show by a t test's power; none below what an exact test needs."""
        fewest = seeds_for_attainable(self.test.primary, level.one_sided)
        smallest = detectable_margin if self.comparison == "equivalence" else detectable_effect
        found = math.nan
        if fewest is not None and seeds >= fewest:
            found = smallest(seeds, level.one_sided, paired=self.paired)
        of = "the seeds' differences" if self.paired else "the seeds of an arm"
        return Foreseen(found, f"standard deviations of {of}")

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found, of the pair that the effect is a difference of."""
        pair = " against ".join(f"({name})" if " - " in name else name for name in self.labels)
        if self.comparison == "superiority" and boundary == 0:
            return f"{pair} is {'better' if supported else 'worse'} in {self.metric.name}"
        ending = _FINDINGS[self.comparison, supported].format(amount(boundary, unit))
        return f"{pair} {ending} in {self.metric.name}"

    def samples(self, tables: Tables, metrics: Mapping[str, Metric]) -> ArmScores:
        """Return the scores that are tested, after every gate."""
        samples = super().samples(tables, metrics)
        control = list(self.arm_names().values())[1]
        scores = samples.values[control].to_numpy()
        low, high = np.nanmin(scores), np.nanmax(scores)
        # A share of scores of both signs means nothing, and there is none of zero.
        if self.boundary_on(metrics).is_share and (low < 0 < high or low == high == 0):
            why = "change sign" if low < high else "are all 0"
            raise NoVerdict(
                "invalid", f"a share of the mean of {control} means nothing: its scores {why}"
            )
        return samples

    @model_validator(mode="after")
    def _examples_are_paired(self) -> Self:
        if "examples" not in self.generalises_to:
            return self
        for key, value, needed in (
            ("test.primary", self.test.primary, "paired_t"),
            ("pairing", "seed" if self.paired else "none", "seed"),
        ):
            if value != needed:
                raise ValueError(
                    f"generalises_to: [seeds, examples] is not worked out for {key}: {value}; "
                    f"write {key}: {needed}, or generalises_to: seeds for this claim"
                )
        if self.missing == "worst_value":
            raise ValueError(
                "generalises_to: [seeds, examples] is not worked out for missing: worst_value, "
                "which has no values of single examples; write missing: fail, or generalises_to: "
                "seeds for this claim"
            )
        return self

    @model_validator(mode="after")
    def _equivalence_has_one_side(self) -> Self:
        if self.comparison == "equivalence" and self.test.sides == "two":
            raise ValueError(
                "test.sides: an equivalence is two one-sided tests already; write sides: one"
            )
        return self
