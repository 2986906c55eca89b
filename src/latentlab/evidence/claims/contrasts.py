"""The claims that arms differ from a control, or from each other, or that an effect varies."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from latentlab.core.arrays import Array
from latentlab.core.model import StrictModel
from latentlab.evidence.claims.contrast_base import ContrastClaim, Weights
from latentlab.statistics.contrasts import Contrasts, Dunnett, Together, Tukey


class ContrastProcedure(StrictModel):
    """Where the errors of the contrasts come from."""

    spread: Literal["own", "shared"] = Field(
        "own",
        description="'own' tests each contrast by its own spread and corrects by Holm. 'shared' is "
        "Dunnett's and Tukey's procedure: it is a little sharper where all arms vary "
        "alike, and errs up to three times as often as it says where one varies three "
        "times as much",
    )


class ArmsClaim(ContrastClaim):
    """A claim about several arms, whose spread may be taken for the same."""

    test: ContrastProcedure = ContrastProcedure()

    joint_test: ClassVar[str]
    """The test with a shared spread."""

    @abstractmethod
    def joint(self, columns: Sequence[Array], found: Contrasts) -> Together:
        """Return the joint law of the statistics where all arms share one spread."""

    @property
    def primary_test(self) -> str:
        """As declared."""
        return super().primary_test if self.test.spread == "own" else self.joint_test

    def tests(
        self, columns: Sequence[Array], weights: Array
    ) -> dict[str, tuple[Contrasts, Together]]:
        """Return both tests; the one that is not the primary stands beside it."""
        found = self.estimates(columns, weights, shared=True)
        return super().tests(columns, weights) | {
            self.joint_test: (found, self.joint(columns, found))
        }


class ArmsAndControl(StrictModel):
    """Arms with changes, and the arm without."""

    treatments: tuple[str, ...] = Field(description="arms that are compared with the control")
    control: str = Field(description="what they are compared with")


class DiffersFromControl(ArmsClaim):
    """Some of the treatments differ from the control."""

    joint_test: ClassVar[str] = "dunnett"

    kind: Literal["differs_from_control"]
    arms: ArmsAndControl = Field(description="the treatments and the control")

    @property
    def labels(self) -> tuple[str, str]:
        """All treatments, and the control."""
        return f"any of {', '.join(self.arms.treatments)}", self.arms.control

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        treatments = {f"arms.treatments[{k}]": arm for k, arm in enumerate(self.arms.treatments)}
        return {"arms.control": self.arms.control} | treatments

    def weights(self) -> Weights:
        """Return each treatment's difference from the control."""
        control = self.arms.control
        return {f"{arm} - {control}": {arm: 1.0, control: -1.0} for arm in self.arms.treatments}

    def subject(self) -> tuple[str, str]:
        """Return what differs, and what does not."""
        control = self.arms.control
        return f"at least one arm differs from {control}", f"no arm differs from {control}"

    def joint(self, columns: Sequence[Array], found: Contrasts) -> Together:
        """Return Dunnett's law."""
        control, *others = (own.shape[-1] for own in columns)
        loadings = tuple(math.sqrt(n / (n + control)) for n in others)
        return Dunnett(loadings, float(found.freedom))

    @model_validator(mode="after")
    def _several_treatments(self) -> Self:
        if len(self.arms.treatments) < 2:
            raise ValueError(
                "arms.treatments: needs two or more; for one, write kind: superiority with test: "
                "{sides: two}"
            )
        return self


class ArmsDiffer(ArmsClaim):
    """Some two of the arms differ."""

    joint_test: ClassVar[str] = "tukey"

    kind: Literal["arms_differ"]
    arms: tuple[str, ...] = Field(description="three or more")

    @property
    def labels(self) -> tuple[str, str]:
        """All arms, among themselves."""
        return f"all pairs of {', '.join(self.arms)}", ""

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {f"arms[{k}]": arm for k, arm in enumerate(self.arms)}

    def weights(self) -> Weights:
        """Return the differences of all pairs."""
        pairs = itertools.combinations(self.arms, 2)
        return {f"{one} - {other}": {one: 1.0, other: -1.0} for one, other in pairs}

    def subject(self) -> tuple[str, str]:
        """Return what differs, and what does not."""
        return "at least two arms differ", "no two arms differ"

    def joint(self, columns: Sequence[Array], found: Contrasts) -> Together:
        """Return Tukey's law."""
        return Tukey(len(columns), float(found.freedom))

    @model_validator(mode="after")
    def _several_arms(self) -> Self:
        if len(self.arms) < 3:
            raise ValueError(
                "arms: needs three or more; for two, write kind: superiority with test: "
                "{sides: two}"
            )
        return self


class ArmsByLevel(StrictModel):
    """Arms with a change and arms without it, level by level of something else."""

    changed: tuple[str, ...] = Field(description="arms with the change, a level each")
    unchanged: tuple[str, ...] = Field(description="arms without it, in the same order of levels")


class EffectVaries(ContrastClaim):
    """The effect of a change is not the same at all levels: an interaction of 2 x k arms.

    The contrasts are the differences between two levels' effects. No spread is shared, since
    differences of arms seldom have one.
    """

    largest_effect: ClassVar[int] = 2

    kind: Literal["effect_varies"]
    arms: ArmsByLevel = Field(
        description="with the change and without, in the same order of levels"
    )

    @property
    def labels(self) -> tuple[str, str]:
        """The effects that are compared among themselves."""
        effects = [f"{one} - {other}" for one, other in self._levels()]
        return f"all pairs of {', '.join(effects)}", ""

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {
            f"arms.{key}[{k}]": arm
            for key, arms in self.arms.model_dump().items()
            for k, arm in enumerate(arms)
        }

    def weights(self) -> Weights:
        """Return the differences between the effects of all pairs of levels."""
        return {
            f"({a} - {b}) - ({c} - {d})": {a: 1.0, b: -1.0, c: -1.0, d: 1.0}
            for (a, b), (c, d) in itertools.combinations(self._levels(), 2)
        }

    def subject(self) -> tuple[str, str]:
        """Return what differs, and what does not."""
        return "the effect differs between levels", "the effect differs between no two levels"

    def _levels(self) -> list[tuple[str, str]]:
        return list(zip(self.arms.changed, self.arms.unchanged, strict=True))

    @model_validator(mode="after")
    def _levels_match(self) -> Self:
        if not len(self.arms.changed) == len(self.arms.unchanged) > 1:
            raise ValueError(
                "arms: changed and unchanged need an arm at each level; name two levels or more "
                "in both"
            )
        return self
