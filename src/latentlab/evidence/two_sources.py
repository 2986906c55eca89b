"""A claim that is to hold for other seeds and other examples: its statistics.

A verdict over seeds says what other seeds would give on these test examples. Where the examples
are a sample too, the paired scores of single examples are judged as tables seeds x examples
(`statistics.two_way`), in which examples that belong together count as one group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from latentlab.core.arrays import AnyArray, Array
from latentlab.evidence.assessment import Assessment, Level
from latentlab.evidence.decisions import Comparison, Sides, evidence_at_boundaries
from latentlab.evidence.margins import Boundary
from latentlab.evidence.planning import plan_two_sources
from latentlab.statistics.intervals import Interval, ratio_interval
from latentlab.statistics.two_way import TwoWayMean, two_way_mean


@dataclass(frozen=True)
class TwoSources:
    """Paired scores of single examples, and what is claimed of them.

    Args:
        treatment: shape [..., seeds, examples], in the metric's units.
        control: the same seeds and examples.
        comparison: how the claim compares.
        boundary: minimum effect or margin.
        sides: whether alpha is shared between two directions.
        lower_is_better: whether smaller scores are better.
        groups: integers; examples of one number belong together, [examples]. None: each is on its
            own.
    """

    treatment: Array
    control: Array
    comparison: Comparison
    boundary: Boundary
    sides: Sides = "one"
    lower_is_better: bool = False
    groups: AnyArray | None = None

    @cached_property
    def units(self) -> Array:
        """What each control score contributes to one unit of the effect, in the metric's units.

        A relative boundary is a share of the control's mean, whose sign decides that of the share
        of each example: single examples may have either sign.
        """
        if not self.boundary.relative:
            return np.ones_like(self.control)
        return np.sign(self.control.mean(axis=(-2, -1), keepdims=True)) * self.control / 100

    def beyond(self, amount: float) -> TwoWayMean:
        """Return what is left of the effect beyond an amount, positive where it is better."""
        sign = -1.0 if self.lower_is_better else 1.0
        return two_way_mean(
            sign * self.treatment, sign * self.control + amount * self.units, self.groups
        )

    def evidence(self) -> tuple[Array, Array]:
        """Return the p-values for and against the claim, as `location_evidence`."""

        @cache
        def at(side: int) -> TwoWayMean:
            return self.beyond(side * self.boundary.amount)

        return evidence_at_boundaries(self.comparison, lambda side, to: at(side).p(to), self.sides)

    def assess(self, over_seeds: Assessment, planned_at: int, level: Level) -> Assessment:
        """Return the assessment of one study.

        Args:
            over_seeds: that of the same scores over seeds alone, whose p-values stand beside.
            planned_at: the boundary that is planned at, as a multiple of the boundary.
            level: levels to report and plan with.
        """
        supported, refuted = self.evidence()
        unit = float(self.units.mean())
        effect = float(self.beyond(0.0).mean) / unit
        planned = self.beyond(planned_at * self.boundary.amount)
        detectable, needed = plan_two_sources(
            self.comparison, planned, self.boundary.amount * unit, level
        )
        # A constant that is taken off changes no variance; of a ratio it is the right one.
        own = self.beyond(effect)
        alone = {over_seeds.test: over_seeds.p_supported} | over_seeds.sensitivity
        return replace(
            over_seeds,
            estimate=-effect if self.lower_is_better else effect,
            effect=effect,
            interval=self._interval(effect, level.interval),
            p_supported=float(supported),
            p_refuted=float(refuted),
            attainable_p=0.0,
            test="two_way_t",
            sensitivity={f"{test} over seeds alone": p for test, p in alone.items()},
            skewed_p_refuted=math.nan,
            detectable_effect=detectable / unit,
            seeds_needed=needed,
            examples=self.treatment.shape[-1],
            groups=None if self.groups is None else len(np.unique(self.groups)),
            examples_share=float(own.examples_share),
            narrowest=own.narrowest(level.interval) / unit,
        )

    def _interval(self, effect: float, level: float) -> Interval:
        """Return the interval that the test agrees with; Fieller's where the effect is a ratio."""
        if not self.boundary.relative:
            return self.beyond(0.0).interval(level)
        return ratio_interval(lambda ratio: self.beyond(ratio).interval(level), effect)
