"""The rules by which a space is refined, with every threshold in one place."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["conservative", "aggressive"]


class Rules(BaseModel):
    """Levels and thresholds of a mode.

    A conservative refinement never fixes a value from a table alone, keeps a wider margin around
    elites, and expands only where more elites lie at a bound than by chance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode
    alpha: float = Field(gt=0, lt=1, description="chance that anything is done about pure noise")
    margin: float = Field(ge=0, description="around the elites, as a share of their span")
    beside: float = Field(
        0.02, gt=0, lt=1, description="level at which an effect stands beside stronger ones"
    )
    within: float = Field(0.05, gt=0, lt=1, description="level of questions behind an open gate")
    elite_share: float = Field(0.25, gt=0, le=0.5, description="the best share of the rows")
    near: float = Field(0.1, gt=0, lt=0.5, description="of a range: closer to a bound is at it")
    expansion: float = Field(1.5, gt=1, description="factor of a bound that elites touch")


CONSERVATIVE = Rules(mode="conservative", alpha=0.02, margin=0.25)
AGGRESSIVE = Rules(mode="aggressive", alpha=0.06, margin=0.1)


def rules_of(mode: Mode) -> Rules:
    """The rules of a mode as they are unless someone changes them."""
    return CONSERVATIVE if mode == "conservative" else AGGRESSIVE
