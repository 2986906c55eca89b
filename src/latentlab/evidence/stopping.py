"""Seeds until it is decided: the looks that a file of hypotheses declares, and when to stop."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from latentlab.core.model import Number, StrictModel
from latentlab.statistics.alpha_spending import Spending
from latentlab.statistics.sequential import GroupSequential


class Stopping(StrictModel):
    """Looks that are declared before the data; between them the study decides by itself to go on.

    A claim that is not waited for may still be decided while the study goes on for others, so that
    futility costs no level.
    """

    design: Literal["group_sequential"] = Field(description="the kind of design")
    looks: tuple[Annotated[int, Field(ge=2, le=100_000, strict=True)], ...] = Field(
        description="seeds at each look, rising; the last is as many as the study has"
    )
    spending: Spending = Field(description="how alpha is spent on the looks")
    futility: Annotated[Number, Field(gt=0, lt=1)] | Literal["none"] = Field(
        "none",
        description="a claim is not waited for whose chance of an answer by the last look, in "
        "either direction and under the trend so far, is below this",
    )

    @property
    def rule(self) -> GroupSequential:
        """The levels of the looks."""
        return GroupSequential(self.looks, self.spending)

    def waits(self, verdicts: pd.DataFrame) -> pd.Series:
        """Say for each verdict whether more seeds may still decide it.

        Args:
            verdicts: columns verdict, look, looks, conditional_power.
        """
        look, looks = (pd.to_numeric(verdicts[key]).astype(float) for key in ("look", "looks"))
        undecided = verdicts["verdict"].eq("inconclusive") & (look < looks)
        if self.futility == "none":
            return undecided
        # What has no trend yet, such as scores without spread, may get one.
        return undecided & ~(verdicts["conditional_power"] < self.futility)

    @model_validator(mode="after")
    def _looks_rise(self) -> Self:
        if len(self.looks) < 2:
            raise ValueError(
                "looks: write two or more, such as [5, 10]; with one look, leave stopping out"
            )
        if any(later <= earlier for earlier, later in itertools.pairwise(self.looks)):
            raise ValueError("looks: each has more seeds than the one before; write them rising")
        return self
