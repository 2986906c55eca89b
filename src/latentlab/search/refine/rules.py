"""The rules by which a space is refined."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from latentlab.search.screening import HIGH, MODERATE

Mode = Literal["conservative", "aggressive"]


class Rules(BaseModel):
    """Levels and thresholds of a mode.

    A conservative refinement acts on what the screening calls `high`, never fixes a value from a
    table alone, keeps a wider margin around elites, and expands only where more elites lie at a
    bound than by chance. An aggressive one acts on `moderate` too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode
    alpha: float = Field(gt=0, lt=1, description="corrected p up to which something is done")
    margin: float = Field(ge=0, description="around the elites, as a share of their span")
    within: float = Field(0.05, gt=0, lt=1, description="level of questions once it is significant")
    expansion: float = Field(1.5, gt=1, description="factor of a bound that elites touch")


CONSERVATIVE = Rules(mode="conservative", alpha=HIGH, margin=0.25)
AGGRESSIVE = Rules(mode="aggressive", alpha=MODERATE, margin=0.1)


def rules_of(mode: Mode) -> Rules:
    """The rules of a mode."""
    return CONSERVATIVE if mode == "conservative" else AGGRESSIVE
