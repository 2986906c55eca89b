"""What claims about rank trends share: how they are tested, and how their row is put together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from latentlab.core.model import Number, StrictModel
from latentlab.evidence.assessment import Assessment, Level, SeedsNeeded
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.decisions import Sides
from latentlab.metrics.metric import Metric
from latentlab.statistics.association import Trend


class SidesProcedure(StrictModel):
    """A procedure that has one test: only its sides are declared."""

    sides: Sides = Field(
        "one", description="one spends alpha on each direction, two shares it between them"
    )


class TrendClaim(Claim):
    """A claim about the sign of a rank correlation."""

    rope: Number | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="rank correlations within (-rope, rope) count as no trend",
    )
    test: SidesProcedure = Field(SidesProcedure(), description="how it is tested")

    @property
    def comparison(self) -> str:
        """A trend: the effect is compared with 0."""
        return "trend"

    @property
    def sides(self) -> Sides:
        """As declared."""
        return self.test.sides

    @property
    def tails(self) -> tuple[int, int]:
        """A trend is refuted by the other sign, or by its size where a `rope` says so."""
        supported, refuted = super().tails
        return supported, refuted if self.rope is None else 2 * refuted

    @property
    @abstractmethod
    def sign(self) -> float:
        """Turn a correlation into the direction that is claimed: 1 or -1."""

    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return that the effect is a rank correlation, whatever the metric's unit."""
        return "rank correlation"

    def trend_assessment(
        self,
        trend: Trend,
        rope_p: float | None,
        level: Level,
        *,
        plan: tuple[float, SeedsNeeded | None],
        **others: Any,
    ) -> Assessment:
        """Put a trend's statistics together, in the direction that is claimed.

        Args:
            trend: the rank correlation and its p-values.
            rope_p: p-value that it is too small to matter, where that counts against the claim.
            level: levels to report with.
            plan: detectable effect and seeds needed.
            others: fields of `Assessment` that do not follow from the trend.
        """
        toward, away = trend.p_positive, trend.p_negative
        if self.sign < 0:
            toward, away = away, toward
        if rope_p is not None:
            # Two ways to be refuted share the level, else both chances of an error add up.
            away = min(1.0, 2 * float(np.fmin(away, rope_p)))
        return Assessment(
            estimate=trend.estimate,
            effect=self.sign * trend.estimate,
            boundary=0.0,
            p_supported=min(1.0, level.spending * toward),
            p_refuted=min(1.0, level.spending * away),
            attainable_p=min(1.0, level.spending * trend.attainable),
            detectable_effect=plan[0],
            seeds_needed=plan[1],
            **others,
        )
