"""Claims about rank trends: along ordered arms, and between columns of trials."""

from __future__ import annotations

import itertools
from typing import Literal, Self

from pydantic import Field, model_validator

from latentlab.evidence.claims import Claim, Declaration, MetricReference
from latentlab.evidence.decisions import Sides


class TrendProcedure(Declaration):
    """How a rank trend is tested: by permutation within seeds."""

    primary: Literal["permutation"] = "permutation"
    sides: Sides = "one"


class Monotone(Claim):
    """The metric rises, or falls, along arms ordered by one factor.

    Args:
        factor: the factor in words, or the dotted configuration key that it is; such a key may
            differ between the arms and must hold the stated values.
        levels: arm -> value of the factor, in rising order of value.
        direction: where the metric goes as the factor rises.
        rope: mean rank correlations within (-rope, rope) count as no trend.
    """

    kind: Literal["monotone"]
    factor: str
    levels: dict[str, float]
    direction: Literal["increasing", "decreasing"]
    rope: float | None = Field(default=None, gt=0, lt=1)
    test: TrendProcedure = TrendProcedure()

    def arm_names(self) -> dict[str, str]:
        """Key in the file -> name of the arm."""
        return {f"levels.{arm}": arm for arm in self.levels}

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        values = list(self.levels.values())
        if len(values) < 3:
            raise ValueError("levels: a trend needs at least three arms")
        if any(b <= a for a, b in itertools.pairwise(values)):
            raise ValueError("levels: write the arms in rising order of the factor's value")
        return self


class Against(Declaration):
    """The other side of an association: a metric, or a numeric configuration key."""

    metric: MetricReference | None = None
    factor: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.metric is None) == (self.factor is None):
            raise ValueError("against: write either metric: {name, split} or factor: <key>")
        return self


class Association(Claim):
    """The metric goes with another metric or factor over trials.

    Args:
        against: the other metric or factor.
        direction: the sign of the association.
        arms: arms whose trials are used; all trials where left out.
        rope: rank correlations within (-rope, rope) count as none.
    """

    kind: Literal["association"]
    against: Against
    direction: Literal["positive", "negative"]
    arms: tuple[str, ...] = ()
    rope: float | None = Field(default=None, gt=0, lt=1)
    test: TrendProcedure = TrendProcedure()

    def arm_names(self) -> dict[str, str]:
        """Key in the file -> name of the arm."""
        return {f"arms[{index}]": arm for index, arm in enumerate(self.arms)}

    @model_validator(mode="after")
    def _nothing_is_fixed(self) -> Self:
        if self.varies:
            raise ValueError("varies: an association compares no arms; leave it out")
        return self
