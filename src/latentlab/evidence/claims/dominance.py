"""The claim that one arm beats another with more than a stated probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from latentlab.core.model import Number
from latentlab.evidence.assessment import Assessment, Foreseen, Level, SeedsNeeded
from latentlab.evidence.claims.base import ArmClaim
from latentlab.evidence.claims.location import Pairing, TwoArms
from latentlab.evidence.claims.trend import SidesProcedure
from latentlab.evidence.decisions import Sides, for_sides
from latentlab.evidence.pooling import PooledAssessment
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric
from latentlab.statistics.dominance import (
    detectable_by_pairs,
    detectable_by_samples,
    of_pairs,
    of_samples,
    probability_interval,
    seeds_for_all_won,
    seeds_for_pairs,
    seeds_for_samples,
)


class ProbabilityOfSuperiority(ArmClaim):
    """A training of the treatment beats one of the control with a probability above `threshold`.

    Half of the probability of a tie counts as won. Pairs are judged by the sign test, beside which
    stands its mid-P, at its level only on average; independent arms by Brunner and Munzel's test.
    """

    kind: Literal["probability_of_superiority"]
    arms: TwoArms = Field(description="the two")
    pairing: Pairing = Field(description="whether they share seeds")
    threshold: Number = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="the probability that it is held against; that of independent arms is .5, "
        "since their test errs twice as often as it says at .75",
    )
    test: SidesProcedure = Field(
        SidesProcedure(), description="whether alpha is spent on one direction or shared by two"
    )

    @property
    def comparison(self) -> str:
        """Above the threshold."""
        return "superiority"

    @property
    def sides(self) -> Sides:
        """As declared."""
        return self.test.sides

    @property
    def paired(self) -> bool:
        """As declared."""
        return self.pairing == "seed"

    @property
    def primary_test(self) -> str:
        """The test that its pairing asks for."""
        return "sign" if self.paired else "brunner_munzel"

    @property
    def labels(self) -> tuple[str, str]:
        """The two arms."""
        return self.arms.treatment, self.arms.control

    @property
    def needs_direction(self) -> bool:
        """It speaks of better and worse."""
        return True

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {"arms.treatment": self.arms.treatment, "arms.control": self.arms.control}

    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return that the effect is a probability."""
        return "probability"

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found."""
        than = f"{'more' if supported else 'less'} than {boundary:.3g}"
        pair = f"{self.arms.treatment} beats {self.arms.control}"
        return f"{pair} in {self.metric.name} with a probability of {than}"

    def foreseen(self, level: Level, seeds: int, arms: int) -> Foreseen:
        """Return the smallest probability that seeds can show."""
        return Foreseen(self._detectable(seeds, level.one_sided), "as a probability of winning")

    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Test how often the treatment wins."""
        samples = self.samples(tables, metrics)
        sign = -1.0 if self.better(metrics) == "lower" else 1.0
        x, y = (sign * samples.values[arm].to_numpy(dtype=np.float64) for arm in self.labels)
        if not self.paired:
            x, y = x[~np.isnan(x)], y[~np.isnan(y)]
        n = min(len(x), len(y))
        if n < 2:
            raise NoVerdict("invalid", "one seed says nothing of how often an arm wins")
        found = of_pairs(x, y) if self.paired else of_samples(x, y)
        supported, refuted = (
            for_sides(found.p(self.threshold, to), self.sides) for to in ("greater", "less")
        )
        sensitivity: dict[str, float | None] = {}
        if self.paired:
            mid_p = of_pairs(x, y, mid_p=True).p(self.threshold, "greater")
            sensitivity["sign_mid_p"] = float(for_sides(mid_p, self.sides))
        effect = float(found.probability)
        detectable, needed = self._plan(effect, n, level)
        return Assessment(
            n=n,
            estimate=effect if sign > 0 else 1 - effect,
            effect=effect,
            control_mean=sign * float(y.mean()),
            treatment_mean=sign * float(x.mean()),
            boundary=self.threshold,
            interval=probability_interval(found.p, level.interval),
            p_supported=float(supported),
            p_refuted=float(refuted),
            attainable_p=min(1.0, level.spending * self.threshold**n),
            test=self.primary_test,
            trials=samples.trials,
            sensitivity=sensitivity,
            detectable_effect=detectable,
            seeds_needed=needed,
        )

    def pool(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric], level: Level
    ) -> PooledAssessment:
        """Refuse: how often an arm wins is of one problem.

        Raises:
            NoVerdict: always.
        """
        raise NoVerdict("not_run", "not pooled: how often an arm wins is of one problem")

    def _plan(self, effect: float, n: int, level: Level) -> tuple[float, SeedsNeeded | None]:
        threshold, alpha = self.threshold, level.one_sided
        # What cannot be shown to be above may be shown to be below: the control's wins then count.
        edge, wins = (threshold, effect) if effect > threshold else (1 - threshold, 1 - effect)
        detectable = self._detectable(level.seeds or n, alpha)
        if self.paired:
            needed = seeds_for_pairs(edge, wins, alpha)
        else:
            needed = seeds_for_samples(wins - edge, alpha)
        if needed is None:
            return detectable, None
        # A share of wins has no spread of its own to plan with.
        least = max(needed, seeds_for_all_won(edge, alpha), level.min_seeds)
        return detectable, SeedsNeeded(least, least)

    def _detectable(self, n: int, alpha: float) -> float:
        """Return the smallest probability that is shown; NaN where none is."""
        if self.paired:
            found = detectable_by_pairs(n, self.threshold, alpha)
        else:
            found = self.threshold + detectable_by_samples(n, alpha)
        return found if found < 1 else math.nan

    @model_validator(mode="after")
    def _independent_arms_are_held_against_a_half(self) -> Self:
        if not self.paired and self.threshold != 0.5:
            raise ValueError(
                "threshold: independent arms are held against 0.5 alone; leave it out, or write "
                "pairing: seed"
            )
        return self
