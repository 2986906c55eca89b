"""Claims about where scores lie: superiority, non-inferiority and equivalence of two arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from latentlab.core.arrays import Array
from latentlab.core.model import StrictModel
from latentlab.evidence.claims.location_assessment import LocationClaim
from latentlab.evidence.decisions import Comparison
from latentlab.evidence.margins import Boundary, Margin, MinimumEffect, boundary_of
from latentlab.evidence.samples import ArmScores
from latentlab.statistics.attainable import PAIRED_TESTS, UNPAIRED_TESTS

Pairing = Literal["seed", "none"]

_WRITE_MARGIN = (
    "margin is missing: write margin: 0.01 (the smallest difference that matters, in the "
    'metric\'s units) or margin: "5% of control mean"'
)


class TwoArms(StrictModel):
    """The arm with the change, and the arm without it."""

    treatment: str = Field(description="the arm with the change")
    control: str = Field(description="the arm without it")


class TwoArmClaim(LocationClaim):
    """A claim about a treatment and a control."""

    arms: TwoArms = Field(description="the two")
    pairing: Pairing = Field(description="whether they share seeds")

    @property
    def paired(self) -> bool:
        """As declared."""
        return self.pairing == "seed"

    @property
    def labels(self) -> tuple[str, str]:
        """The two arms."""
        return self.arms.treatment, self.arms.control

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {"arms.treatment": self.arms.treatment, "arms.control": self.arms.control}

    def contrast(self, samples: ArmScores) -> tuple[Array, Array]:
        """Return the scores of the two arms."""
        columns = [samples.values[name].to_numpy(dtype=np.float64) for name in self.labels]
        if not self.paired:
            columns = [column[~np.isnan(column)] for column in columns]
        return columns[0], columns[1]

    @model_validator(mode="after")
    def _tests_fit_the_pairing(self) -> Self:
        # A test for independent arms may stand beside a paired one, but not the reverse.
        if self.paired:
            self.test.check(PAIRED_TESTS, (*PAIRED_TESTS, *UNPAIRED_TESTS))
        else:
            self.test.check(UNPAIRED_TESTS, UNPAIRED_TESTS)
        return self


class Superiority(TwoArmClaim):
    """The treatment is better by more than `min_effect`."""

    kind: Literal["superiority"]
    min_effect: MinimumEffect = Field(
        0.0, description="how much better at least: in the metric's unit, or as 10% of control mean"
    )

    @property
    def comparison(self) -> Comparison:
        """Superiority."""
        return "superiority"

    @property
    def boundary(self) -> Boundary:
        """The smallest effect of interest."""
        return boundary_of(self.min_effect)


class MarginClaim(TwoArmClaim):
    """A claim that a difference is small."""

    margin: Margin = Field(description="the smallest difference that matters")
    margin_rationale: str = Field("", description="why that one, for the reader")

    @property
    def boundary(self) -> Boundary:
        """The margin."""
        return boundary_of(self.margin)

    @model_validator(mode="before")
    @classmethod
    def _margin_is_written(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("margin") is None:
            raise ValueError(_WRITE_MARGIN)
        return data


class NonInferiority(MarginClaim):
    """The treatment is worse by less than `margin`, if at all."""

    kind: Literal["non_inferiority"]

    @property
    def comparison(self) -> Comparison:
        """Non-inferiority."""
        return "non_inferiority"


class Equivalence(MarginClaim):
    """Treatment and control differ by less than `margin`, either way."""

    kind: Literal["equivalence"]

    @property
    def comparison(self) -> Comparison:
        """Equivalence."""
        return "equivalence"
