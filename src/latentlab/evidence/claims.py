"""Claims about where scores lie: superiority, non-inferiority, equivalence, interaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.evidence.decisions import Comparison, Sides
from latentlab.evidence.margins import Boundary, Margin, MinimumEffect, boundary_of
from latentlab.statistics.attainable import LocationTest

Pairing = Literal["seed", "none"]
Missing = Literal["fail", "worst_value", "exclude_pair"]

_WRITE_MARGIN = (
    "margin is missing: write margin: 0.01 (the smallest difference that matters, in the "
    'metric\'s units) or margin: "5% of control mean"'
)


class Declaration(BaseModel):
    """Something written in a file: it is never changed, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MetricReference(Declaration):
    """A column of the scores.

    Args:
        name: the metric's exact name.
        split: which data it was measured on ("val", "test").
        better: the better direction for this claim, for a metric that has none of its own.
    """

    name: str
    split: str
    better: Literal["higher", "lower"] | None = None


class LocationProcedure(Declaration):
    """How two arms are compared: the primary test decides, the others show what hangs on it."""

    primary: LocationTest = "paired_t"
    sensitivity: tuple[LocationTest, ...] = ()
    sides: Sides = "one"


class Claim(Declaration, ABC):
    """What every hypothesis states.

    Args:
        question: the claim in a reader's words.
        metric: what is measured.
        family: the family whose correction it shares.
        hold_fixed: "*": every configuration key that is not listed in `varies` must agree.
        varies: dotted configuration keys (or their parents) that may differ between the arms.
        missing: what a trial without a score means; the default of the file where left out.
            `fail` makes the hypothesis invalid, `worst_value` counts it as the worst possible
            score (for divergence, which is an outcome), `exclude_pair` drops the seed.
        min_seeds: fewest seeds that may decide; the default of the file where left out.
    """

    question: str = Field(min_length=1)
    metric: MetricReference
    family: str
    hold_fixed: Literal["*"] = "*"
    varies: tuple[str, ...] = ()
    missing: Missing | None = None
    min_seeds: int | None = Field(default=None, ge=2)

    @property
    def needs_direction(self) -> bool:
        """Whether the claim speaks of better and worse."""
        return False

    @abstractmethod
    def arm_names(self) -> dict[str, str]:
        """Key in the file -> name of the arm."""

    @model_validator(mode="after")
    def _arms_differ(self) -> Self:
        names = list(self.arm_names().values())
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"arms: {repeated[0]!r} appears twice; name different arms")
        return self


class TwoArms(Declaration):
    """The arm with the change, and the arm without it."""

    treatment: str
    control: str


class LocationClaim(Claim):
    """A claim about where the treatment's scores lie compared with the control's."""

    test: LocationProcedure = LocationProcedure()
    pairing: Pairing | None = None

    @property
    @abstractmethod
    def comparison(self) -> Comparison:
        """Which row of the table of verdicts applies."""

    @property
    @abstractmethod
    def boundary(self) -> Boundary:
        """The minimum effect or the margin."""

    @model_validator(mode="after")
    def _equivalence_has_one_side(self) -> Self:
        if self.comparison == "equivalence" and self.test.sides == "two":
            raise ValueError(
                "test.sides: an equivalence is two one-sided tests already; write sides: one"
            )
        return self


class _TwoArmClaim(LocationClaim):
    arms: TwoArms

    def arm_names(self) -> dict[str, str]:
        return {"arms.treatment": self.arms.treatment, "arms.control": self.arms.control}


class Superiority(_TwoArmClaim):
    """The treatment is better by more than `min_effect`."""

    kind: Literal["superiority"]
    min_effect: MinimumEffect = 0.0

    @property
    def needs_direction(self) -> bool:
        """Always."""
        return True

    @property
    def comparison(self) -> Comparison:
        """Superiority."""
        return "superiority"

    @property
    def boundary(self) -> Boundary:
        """The smallest effect of interest."""
        return boundary_of(self.min_effect)


class _MarginClaim(_TwoArmClaim):
    margin: Margin
    margin_rationale: str = ""

    @model_validator(mode="before")
    @classmethod
    def _margin_is_written(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("margin") is None:
            raise ValueError(_WRITE_MARGIN)
        return data

    @property
    def boundary(self) -> Boundary:
        """The margin."""
        return boundary_of(self.margin)


class NonInferiority(_MarginClaim):
    """The treatment is worse by less than `margin`, if at all."""

    kind: Literal["non_inferiority"]

    @property
    def needs_direction(self) -> bool:
        """Always."""
        return True

    @property
    def comparison(self) -> Comparison:
        """Non-inferiority."""
        return "non_inferiority"


class Equivalence(_MarginClaim):
    """Treatment and control differ by less than `margin`, either way."""

    kind: Literal["equivalence"]

    @property
    def comparison(self) -> Comparison:
        """Equivalence."""
        return "equivalence"


class FourArms(Declaration):
    """A 2 x 2 design: two changes, made together, alone, and not at all."""

    both: str
    first_only: str
    second_only: str
    neither: str


class Interaction(LocationClaim):
    """Two changes do more together than apart, or exactly as much.

    The effect is the contrast of contrasts (both - first_only) - (second_only - neither): what
    the second change adds on top of the first, less what it adds alone, seed by seed.
    """

    kind: Literal["interaction"]
    arms: FourArms
    judged_as: Literal["superiority", "equivalence"] = "superiority"
    min_effect: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    margin: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    margin_rationale: str = ""

    def arm_names(self) -> dict[str, str]:
        """Key in the file -> name of the arm."""
        return {f"arms.{key}": name for key, name in self.arms.model_dump().items()}

    @property
    def needs_direction(self) -> bool:
        """Only where more is claimed, not where nothing is."""
        return self.judged_as == "superiority"

    @property
    def comparison(self) -> Comparison:
        """As declared in `judged_as`."""
        return self.judged_as

    @property
    def boundary(self) -> Boundary:
        """The minimum effect or the margin, whichever `judged_as` asks for."""
        return Boundary(self.min_effect if self.margin is None else self.margin)

    @model_validator(mode="after")
    def _one_boundary(self) -> Self:
        if self.judged_as == "equivalence" and self.margin is None:
            raise ValueError("margin is missing: write margin: 0.01 (in the metric's units)")
        if self.judged_as == "superiority" and self.margin is not None:
            raise ValueError("margin: superiority has none; write min_effect")
        if self.judged_as == "equivalence" and self.min_effect > 0:
            raise ValueError("min_effect: equivalence has none; write margin")
        return self
