"""The claim that two changes do more together than apart, or exactly as much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from latentlab.core.arrays import Array
from latentlab.core.model import StrictModel
from latentlab.evidence.claims.location_assessment import LocationClaim
from latentlab.evidence.decisions import Comparison
from latentlab.evidence.margins import Boundary, Margin, MinimumEffect, boundary_of
from latentlab.evidence.samples import ArmScores
from latentlab.statistics.attainable import PAIRED_TESTS
from latentlab.statistics.location import ROUNDING, scale_of, without_rounding


class FourArms(StrictModel):
    """A 2 x 2 design: two changes, made together, alone, and not at all."""

    both: str = Field(description="the arm with both changes")
    first_only: str = Field(description="with the first change alone")
    second_only: str = Field(description="with the second change alone")
    neither: str = Field(description="with neither")


class Interaction(LocationClaim):
    """Two changes do more together than apart, or exactly as much.

    The effect is the contrast of contrasts (both - first_only) - (second_only - neither): what
    the second change adds on top of the first, less what it adds alone, seed by seed. Of a metric
    that is compared by ratios it is the ratio of ratios.
    """

    largest_effect: ClassVar[int] = 2
    takes_shares: ClassVar[bool] = False

    kind: Literal["interaction"]
    arms: FourArms = Field(description="the four")
    judged_as: Literal["superiority", "equivalence"] = Field(
        "superiority",
        description="'superiority' claims that they do more, 'equivalence' that they do as much",
    )
    min_effect: MinimumEffect = Field(0.0, description="of superiority")
    margin: Margin | None = Field(None, description="of equivalence")
    margin_rationale: str = Field("", description="why that one, for the reader")

    @classmethod
    def declines(cls, stated: Mapping[str, Any]) -> frozenset[str]:
        """Return the boundary of the comparison that it is not judged as."""
        if stated.get("judged_as") == "equivalence":
            return frozenset({"min_effect"})
        return frozenset({"margin", "margin_rationale"})

    @property
    def comparison(self) -> Comparison:
        """As declared in `judged_as`."""
        return self.judged_as

    @property
    def boundary(self) -> Boundary:
        """The minimum effect or the margin, whichever `judged_as` asks for."""
        return boundary_of(self.min_effect if self.margin is None else self.margin)

    @property
    def labels(self) -> tuple[str, str]:
        """The two contrasts."""
        arms = self.arms
        return f"{arms.both} - {arms.first_only}", f"{arms.second_only} - {arms.neither}"

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {f"arms.{key}": name for key, name in self.arms.model_dump().items()}

    def contrast(self, samples: ArmScores) -> tuple[Array, Array]:
        """Return the two contrasts, seed by seed."""
        both, first, second, neither = (
            samples.values[name].to_numpy(dtype=np.float64) for name in self.arm_names().values()
        )
        # Contrasts that differ by the rounding of their scores alone are equal; see `location_p`.
        rounding = ROUNDING * np.maximum(scale_of(both, first), scale_of(second, neither))
        return without_rounding(both - first, rounding), without_rounding(
            second - neither, rounding
        )

    @model_validator(mode="after")
    def _one_boundary(self) -> Self:
        if self.judged_as == "equivalence" and self.margin is None:
            raise ValueError("margin is missing: write margin: 0.01 (in the metric's units)")
        if self.judged_as == "superiority" and self.margin is not None:
            raise ValueError("margin: superiority has none; write min_effect")
        if self.judged_as == "equivalence" and boundary_of(self.min_effect).value > 0:
            raise ValueError("min_effect: equivalence has none; write margin")
        return self

    @model_validator(mode="after")
    def _tests_are_paired(self) -> Self:
        self.test.check(PAIRED_TESTS, PAIRED_TESTS)
        return self
