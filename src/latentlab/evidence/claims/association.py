"""The claim that a metric goes with another metric, or with a factor, over trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from latentlab.core.model import StrictModel
from latentlab.evidence.assessment import Assessment, Foreseen, Level, SeedsNeeded
from latentlab.evidence.claims.base import MetricReference, UnitOfN
from latentlab.evidence.claims.trend import TrendClaim
from latentlab.evidence.pooling import PooledAssessment
from latentlab.evidence.samples import factor_values, metric_values, trial_columns, trials_of
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric
from latentlab.statistics.association import equivalence_to_zero, spearman_within_blocks
from latentlab.statistics.intervals import spearman_interval
from latentlab.statistics.power import detectable_correlation, trials_for_correlation


class Against(StrictModel):
    """The other side of an association: a metric, or a numeric configuration key."""

    metric: MetricReference | None = Field(None, description="another metric")
    factor: str | None = Field(None, description="a configuration key, or a factor in words")

    @property
    def name(self) -> str:
        """The name of either."""
        return self.metric.name if self.metric is not None else str(self.factor)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.metric is None) == (self.factor is None):
            raise ValueError("against: write either metric: {name, split} or factor: <key>")
        return self


class Association(TrendClaim):
    """The metric goes with another metric or factor over trials."""

    kind: Literal["association"]
    against: Against = Field(description="the other metric or factor")
    direction: Literal["positive", "negative"] = Field(description="the sign of the association")
    arms: tuple[str, ...] = Field(
        (), description="arms whose trials are used; all trials where left out"
    )

    n_unit: ClassVar[UnitOfN] = "trial"

    @property
    def sign(self) -> float:
        """1 where the association is claimed to be positive."""
        return 1.0 if self.direction == "positive" else -1.0

    @property
    def primary_test(self) -> str:
        """Spearman's rho, by permutation within seeds."""
        return "spearman_permutation"

    @property
    def labels(self) -> tuple[str, str]:
        """None: no arm is compared with another."""
        return "", ""

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {f"arms[{index}]": arm for index, arm in enumerate(self.arms)}

    def metric_references(self) -> dict[str, MetricReference]:
        """Return key in the file -> metric that is named there."""
        other = self.against.metric
        return {"metric": self.metric} | ({} if other is None else {"against.metric": other})

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found."""
        has = "have" if supported else "do not have"
        return f"{self.metric.name} and {self.against.name} {has} a {self.direction} association"

    def foreseen(self, level: Level, seeds: int, arms: int) -> Foreseen:
        """Return the smallest correlation that trials can show."""
        trials = seeds * (len(self.arms) or arms)
        return Foreseen(detectable_correlation(trials, level.one_sided), "as a rank correlation")

    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Test the association over trials."""
        self.better(metrics)
        trials = trials_of(tables, self.arms)
        if self.against.metric is None:
            against = factor_values(trials, str(self.against.factor))
        else:
            other = self.against.metric
            against = metric_values(tables, trials, other.name, other.split)
        metric, split = self.metric.name, self.metric.split
        columns = trial_columns(tables, trials, metric, split, against, self.missing)
        n = len(columns.metric)
        trend = spearman_within_blocks(columns.against, columns.metric, columns.seeds)
        rope_p = None if self.rope is None else equivalence_to_zero(trend.estimate, n, self.rope)
        low, high = spearman_interval(trend.estimate, n, level.interval)
        detectable, needed = math.nan, None
        if not math.isnan(trend.estimate):
            ahead = n if level.seeds is None else level.seeds * n // len(set(columns.seeds))
            detectable = detectable_correlation(ahead, level.one_sided)
            trials_needed = trials_for_correlation(trend.estimate, level.one_sided)
            if trials_needed is not None:
                needed = SeedsNeeded(trials_needed, trials_needed).at_least(level.min_seeds)
        return self.trend_assessment(
            trend,
            rope_p,
            level,
            n=n,
            treatment_mean=math.nan,
            control_mean=math.nan,
            interval=(low, high) if self.sign > 0 else (-high, -low),
            test=self.primary_test,
            effect_size=f"rho = {self.sign * trend.estimate:.3g}",
            trials=columns.trials,
            plan=(detectable, needed),
        )

    def pool(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric], level: Level
    ) -> PooledAssessment:
        """Refuse: trials of different problems are no sample of one population.

        Raises:
            NoVerdict: always.
        """
        raise NoVerdict("not_run", "not pooled: it speaks of the trials of one problem")

    @model_validator(mode="after")
    def _missing_has_no_worst_value(self) -> Self:
        if self.missing == "worst_value":
            raise ValueError(
                "missing: an association has no worst value; write fail or exclude_pair"
            )
        return self
