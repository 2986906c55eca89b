"""What every kind of claim states, and what it answers for itself.

A kind is one module: its fields, how its data are gathered and assessed, what its row says. The
rest of the package asks the claim and never which kind it is; `claims` lists the kinds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from latentlab.core.errors import UserError
from latentlab.core.model import StrictModel
from latentlab.evidence.assessment import Assessment, Foreseen, Level
from latentlab.evidence.decisions import Sides
from latentlab.evidence.pooling import PooledAssessment
from latentlab.evidence.samples import ArmScores, Missing, arm_scores
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Better, Metric, Scale
from latentlab.statistics.power import detectable_effect

UnitOfN = Literal["seed", "trial", "problem"]
Source = Literal["seeds", "examples"]


class MetricReference(StrictModel):
    """A column of the scores."""

    name: str = Field(description="the metric's exact name")
    split: str = Field(description="which data it was measured on: validation or test")
    better: Better | None = Field(
        None, description="the better direction here, of a metric that has none of its own"
    )

    def direction(self, metrics: Mapping[str, Metric]) -> Better | None:
        """Return the metric's own better direction, else the one the hypothesis declares."""
        known = metrics.get(self.name)
        if known is not None and known.better != "none":
            return known.better
        return self.better

    def contradicts(self, metrics: Mapping[str, Metric]) -> bool:
        """Say whether the hypothesis turns the metric's own better direction round."""
        return self.better is not None and self.direction(metrics) != self.better


class Claim(StrictModel, ABC):
    """What every hypothesis states, and the questions that every kind answers."""

    kind: str
    question: str = Field(min_length=1, description="the claim in a reader's words")
    metric: MetricReference = Field(description="what is measured")
    family: str = Field(description="the family whose correction it shares")
    missing: Missing = Field(
        description="what a trial without a score means: fail makes the claim invalid, worst_value "
        "counts it as the worst possible score (for divergence, which is an outcome), exclude_pair "
        "drops the seed"
    )
    min_seeds: int = Field(ge=2, le=10_000, description="fewest seeds that may decide")

    holds_at_looks: ClassVar[bool] = True
    """Whether its p-values may be held to the levels of declared looks."""
    n_unit: ClassVar[UnitOfN] = "seed"
    """What `n` and `seeds_needed` count."""

    @property
    def population(self) -> tuple[Source, ...]:
        """What the verdict is to hold for beside what was run: other seeds, other examples."""
        return ("seeds",)

    @classmethod
    def declines(cls, stated: Mapping[str, Any]) -> frozenset[str]:
        """Return the fields that this statement of a claim does not take from the defaults."""
        return frozenset()

    @property
    @abstractmethod
    def comparison(self) -> str:
        """What the effect is compared with: see the column of this name."""

    @property
    @abstractmethod
    def sides(self) -> Sides:
        """Whether alpha is spent on one direction or shared by two."""

    @property
    def tails(self) -> tuple[int, int]:
        """How many one-sided tests share alpha: those of support, and those of refutation."""
        spent = 2 if self.sides == "two" else 1
        return spent, spent

    @property
    @abstractmethod
    def primary_test(self) -> str:
        """The test that decides."""

    @property
    @abstractmethod
    def labels(self) -> tuple[str, str]:
        """What the effect is a difference of: treatment and control in the reader's words."""

    @abstractmethod
    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""

    @abstractmethod
    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return the unit of the effect and of the boundary."""

    @abstractmethod
    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found: a clause without numbers but the boundary.

        Args:
            boundary: minimum effect or margin in `unit`.
            unit: as `unit` gives it.
            supported: whether the claim is supported; refuted otherwise.
        """

    @abstractmethod
    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Compute the statistics of the claim, after every gate.

        Args:
            tables: scores and trials.
            metrics: name -> metric.
            level: levels to report and plan with.

        Raises:
            NoVerdict: when a gate fails.
        """

    @abstractmethod
    def pool(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric], level: Level
    ) -> PooledAssessment:
        """Compute the statistics of the claim over several problems.

        Args:
            problems: problem -> its scores and trials.
            metrics: name -> metric.
            level: levels to report and plan with.

        Raises:
            NoVerdict: when a gate fails, or where this claim is not one over several problems.
        """

    def foreseen(self, level: Level, seeds: int, arms: int) -> Foreseen:
        """Return what seeds that are yet to be run can show, whatever their spread will be.

        Args:
            level: what the family's correction leaves.
            seeds: of each arm, at least 2.
            arms: of the study.
        """
        found = detectable_effect(seeds, level.one_sided, paired=True)
        return Foreseen(found, "standard deviations of the seeds' differences")

    @property
    def needs_direction(self) -> bool:
        """Whether the claim speaks of better and worse."""
        return False

    def scale(self, metrics: Mapping[str, Metric]) -> Scale:
        """Return whether scores are compared by differences or by ratios; ranks are by neither."""
        return "linear"

    def unscaled(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary is none on the metric's scale; None where it is one."""
        return None

    def metric_references(self) -> dict[str, MetricReference]:
        """Return key in the file -> metric that is named there."""
        return {"metric": self.metric}

    def better(self, metrics: Mapping[str, Metric]) -> Better | None:
        """Return the better direction of the metric, where it has one.

        Raises:
            NoVerdict: the claim turns it round, or needs one and there is none.
        """
        better = self.metric.direction(metrics)
        name = self.metric.name
        if self.metric.contradicts(metrics):
            raise NoVerdict("invalid", f"{name} is better {better}: correct metric.better")
        if self.needs_direction and better is None:
            raise NoVerdict("invalid", f"{name} has no better direction: declare one")
        return better

    def trivial(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary lies where no effect on this metric can; None where it does not."""
        return None

    @model_validator(mode="after")
    def _arms_differ(self) -> Self:
        names = list(self.arm_names().values())
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"arms: {repeated[0]!r} appears twice; name different arms")
        return self


class ArmClaim(Claim):
    """A claim that compares arms, all of whose other configuration keys must agree."""

    varies: tuple[str, ...] = Field(
        (),
        description="dotted configuration keys (or their parents) that may differ between the arms",
    )

    @property
    def paired(self) -> bool:
        """Whether the arms share seeds."""
        return True

    def may_differ(self) -> tuple[str, ...]:
        """Return the configuration keys in which the arms may differ."""
        return self.varies

    def samples(self, tables: Tables, metrics: Mapping[str, Metric]) -> ArmScores:
        """Return the scores that the claim is judged on, after every gate.

        Raises:
            NoVerdict: when a gate fails.
        """
        samples = arm_scores(
            tables,
            list(self.arm_names().values()),
            self.metric.name,
            self.metric.split,
            varies=self.may_differ(),
            missing=self.missing,
            worst=_worst(metrics.get(self.metric.name), self.better(metrics)),
            paired=self.paired,
        )
        if samples.values.empty:
            raise NoVerdict("invalid", "no seed has a score in every arm")
        return samples

    def samples_by_problem(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric]
    ) -> dict[str, ArmScores]:
        """Return every problem's scores, each with a spread.

        Raises:
            NoVerdict: when a gate fails; its cause names the problem.
        """
        samples = {}
        for problem, tables in problems.items():
            try:
                samples[problem] = self.samples(tables, metrics)
            except NoVerdict as gate:
                raise NoVerdict(gate.verdict, f"{problem}: {gate.cause}") from gate
            if len(samples[problem].values) < 2:
                raise NoVerdict("invalid", f"{problem}: one pair of seeds has no spread")
        return samples


class DifferenceClaim(ArmClaim):
    """A claim that some of several arms differ, whichever way."""

    holds_at_looks: ClassVar[bool] = False

    @property
    def comparison(self) -> str:
        """A difference, on either side."""
        return "difference"

    @property
    def sides(self) -> Sides:
        """Both."""
        return "two"


def amount(value: float, unit: str) -> str:
    """Write a boundary with its unit.

    Example:
        >>> amount(0.05, "share")
        '0.05 share'
    """
    return f"{value:.3g} {unit}".strip()


def _worst(metric: Metric | None, better: str | None) -> float | None:
    """Return the worst value a metric can take; infinite where it has no bound."""
    if better is None:
        return None
    if better == "higher":
        return -math.inf if metric is None else metric.low
    return math.inf if metric is None else metric.high
