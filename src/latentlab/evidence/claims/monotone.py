"""The claim that a metric rises, or falls, along arms that are ordered by one factor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from latentlab.core.arrays import Array
from latentlab.core.model import Number
from latentlab.evidence.assessment import Assessment, Foreseen, Level, SeedsNeeded
from latentlab.evidence.claims.base import ArmClaim
from latentlab.evidence.claims.trend import TrendClaim
from latentlab.evidence.configurations import flatten
from latentlab.evidence.decisions import evidence_at_boundaries
from latentlab.evidence.planning import seeds_range
from latentlab.evidence.pooling import (
    PooledAssessment,
    ProblemEffect,
    StratifiedMean,
    mean_of_means,
    stratified_mean,
)
from latentlab.evidence.samples import ArmScores
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric
from latentlab.statistics.association import (
    equivalence_to_zero_across_seeds,
    monotone_trend,
    seed_correlations,
)
from latentlab.statistics.intervals import mean_interval
from latentlab.statistics.power import detectable_trend, fewest, trend_power


class Monotone(ArmClaim, TrendClaim):
    """The metric rises, or falls, along arms ordered by one factor.

    Its effect is the mean over seeds of the rank correlation within each seed.
    """

    kind: Literal["monotone"]
    factor: str = Field(
        description="the factor in words, or the dotted configuration key that it is; such a key "
        "may differ between the arms and must hold the stated values"
    )
    levels: dict[str, Number] = Field(
        description="arm -> value of the factor, in rising order of value"
    )
    direction: Literal["increasing", "decreasing"] = Field(
        description="where the metric goes as the factor rises"
    )

    @property
    def sign(self) -> float:
        """1 where it is claimed to rise."""
        return 1.0 if self.direction == "increasing" else -1.0

    @property
    def primary_test(self) -> str:
        """Page's test."""
        return "page_permutation"

    @property
    def labels(self) -> tuple[str, str]:
        """The last arm and the first."""
        arms = list(self.levels)
        return arms[-1], arms[0]

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {f"levels.{arm}": arm for arm in self.levels}

    def may_differ(self) -> tuple[str, ...]:
        """Return what is declared to vary, and the factor."""
        return (*self.varies, self.factor)

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found."""
        verb = {"increasing": "rise", "decreasing": "fall"}[self.direction]
        does = f"{verb}s" if supported else f"does not {verb}"
        return f"{self.metric.name} {does} with {self.factor}"

    def foreseen(self, level: Level, seeds: int, arms: int) -> Foreseen:
        """Return what Page's test can show, whose seeds scatter as those without a trend do."""
        spread = 1 / math.sqrt(len(self.levels) - 1)
        found = detectable_trend(spread, seeds, len(self.levels), level.one_sided)
        return Foreseen(found, "as a mean rank correlation of the seeds")

    def samples(self, tables: Tables, metrics: Mapping[str, Metric]) -> ArmScores:
        """Return the scores that the claim is judged on, after every gate."""
        samples = super().samples(tables, metrics)
        trials = samples.trials
        for arm, config in zip(trials["arm"], trials["config"], strict=True):
            found = flatten(config).get(self.factor, self.levels[arm])
            if found != self.levels[arm]:
                raise NoVerdict(
                    "invalid",
                    f"arm {arm} was trained with {self.factor} = {found}, not {self.levels[arm]:g}",
                )
        return samples

    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Test the trend within seeds."""
        samples = self.samples(tables, metrics)
        scores = self._scores(samples)
        trend = monotone_trend(scores)
        correlations = seed_correlations(scores)
        rope_p = None
        if self.rope is not None:
            rope_p = equivalence_to_zero_across_seeds(correlations, self.rope)
        low, high = mean_interval(self.sign * correlations, level.interval)
        means, n = scores.mean(axis=0), len(scores)
        # A single seed tells nothing of the spread.
        spread = float(np.std(correlations, ddof=1)) if n > 1 else 0.0
        return self.trend_assessment(
            trend,
            rope_p,
            level,
            n=n,
            treatment_mean=float(means[-1]),
            control_mean=float(means[0]),
            interval=(max(-1.0, low), min(1.0, high)),
            test=self.primary_test,
            effect_size=f"mean rho = {self.sign * trend.estimate:.3g}",
            trials=samples.trials,
            plan=_plan(trend.estimate, spread, n, max(1, n - 1), scores.shape[1], level),
        )

    def pool(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric], level: Level
    ) -> PooledAssessment:
        """Test the trend with the seeds of all problems as blocks.

        Page's test ranks within seeds, so that problems of different scales need no transformation.
        """
        samples = self.samples_by_problem(problems, metrics)
        scores = [self._scores(one) for one in samples.values()]
        correlations = {
            problem: self.sign * seed_correlations(own)
            for problem, own in zip(samples, scores, strict=True)
        }

        def against(edge: float) -> StratifiedMean:
            own = list(correlations.values())
            return stratified_mean(own, [np.full_like(one, edge) for one in own])

        pooled = against(0.0)
        rope, rope_p = self.rope, None
        if rope is not None:
            within, _ = evidence_at_boundaries(
                "equivalence", lambda side, to: against(side * rope).p(to), "one"
            )
            rope_p = float(within)
        effect = float(pooled.mean)
        seeds, arms = int(pooled.sizes.sum()), len(self.levels)
        freedom = float(pooled.freedom) if pooled.error > 0 else seeds - len(scores)
        spread = float(pooled.error) * math.sqrt(seeds)
        detectable, needed = _plan(effect, spread, seeds, freedom, arms, level)
        if needed is not None:
            shares = (math.ceil(k / len(scores)) for k in (needed.likely, needed.upper))
            needed = SeedsNeeded(*shares).at_least(level.min_seeds)
        low, high = pooled.interval(level.interval)
        assessment = self.trend_assessment(
            replace(monotone_trend(np.concatenate(scores)), estimate=self.sign * effect),
            rope_p,
            level,
            n=int(pooled.sizes.min()),
            treatment_mean=mean_of_means([own[:, -1] for own in scores]),
            control_mean=mean_of_means([own[:, 0] for own in scores]),
            interval=(max(-1.0, low), min(1.0, high)),
            test="stratified_page",
            effect_size=f"mean rho = {effect:.3g}",
            trials=pd.concat([one.trials for one in samples.values()]),
            plan=(detectable, needed),
        )
        return PooledAssessment(
            assessment,
            pooled,
            {name: _own_effect(own, level.interval) for name, own in correlations.items()},
        )

    def _scores(self, samples: ArmScores) -> Array:
        """Return the scores in the order of the levels, shape [seeds, arms]."""
        return samples.values[list(self.levels)].to_numpy(dtype=np.float64)

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        values = list(self.levels.values())
        if len(values) < 3:
            raise ValueError("levels: a trend needs at least three arms")
        if any(b <= a for a, b in itertools.pairwise(values)):
            raise ValueError("levels: write the arms in rising order of the factor's value")
        return self


def _own_effect(correlations: Array, level: float) -> ProblemEffect:
    """Return the mean correlation of one problem's seeds, with its unadjusted interval."""
    own = stratified_mean([correlations], [np.zeros_like(correlations)])
    low, high = own.interval(level)
    return ProblemEffect(len(correlations), float(own.mean), max(low, -1.0), min(high, 1.0))


def _plan(
    mean: float, spread: float, seeds: int, freedom: float, arms: int, level: Level
) -> tuple[float, SeedsNeeded | None]:
    """Return the detectable mean correlation and the seeds needed, by the power of Page's test.

    Args:
        mean: of the seeds' correlations.
        spread: their standard deviation.
        seeds: how many there are, of all problems together.
        freedom: degrees of freedom of the spread.
        arms: arms of each seed.
        level: what to plan with.
    """
    # The permutation test needs (arms!) ** -seeds to fall below the level.
    attainable = math.ceil(math.log(1 / level.one_sided) / math.log(math.factorial(arms)))
    detectable = detectable_trend(spread, level.seeds or seeds, arms, level.one_sided)
    needed = seeds_range(
        lambda sd: fewest(lambda n: trend_power(abs(mean), sd, n, arms, level.one_sided)),
        spread,
        freedom + 1,
    )
    return detectable, None if needed is None else needed.at_least(max(attainable, level.min_seeds))
