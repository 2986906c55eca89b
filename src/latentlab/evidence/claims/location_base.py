"""Claims about where scores lie: their contrast of two sides, tests and row, for all kinds."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import model_validator

from latentlab.core.arrays import Array
from latentlab.core.errors import UserError
from latentlab.evidence.assessment import Assessment, Level, SeedsNeeded
from latentlab.evidence.claims.base import ArmClaim, Source, amount, too_wide
from latentlab.evidence.claims.location_procedure import LocationProcedure, Population
from latentlab.evidence.decisions import (
    Comparison,
    Sides,
    evidence_at_boundaries,
    location_evidence,
)
from latentlab.evidence.example_scores import example_scores
from latentlab.evidence.margins import Boundary
from latentlab.evidence.planning import plan
from latentlab.evidence.pooling import (
    PooledAssessment,
    ProblemEffect,
    StratifiedMean,
    mean_of_means,
    plan_pooled,
    stratified_mean,
)
from latentlab.evidence.samples import ArmScores, NoVerdict, Tables, logarithms
from latentlab.evidence.two_sources import TwoSources
from latentlab.metrics.metric import Metric, Scale
from latentlab.statistics.attainable import seeds_for_attainable, smallest_p
from latentlab.statistics.effect_sizes import d_z, hedges_g, pooled_sd
from latentlab.statistics.intervals import Interval, ratio_interval
from latentlab.statistics.location import ROUNDING, AnyLocationTest
from latentlab.statistics.shifts import shift_of
from latentlab.statistics.skewness import FEWEST, skewness_of

# Which boundary a claim is planned at, as a multiple of its distance from 0.
_PLANNED_AT: dict[Comparison, int] = {"superiority": 1, "non_inferiority": -1, "equivalence": 0}
_FINDINGS = {
    ("superiority", True): "is better by more than {}",
    ("superiority", False): "is not better by {}",
    ("non_inferiority", True): "is not worse by {}",
    ("non_inferiority", False): "is worse by more than {}",
    ("equivalence", True): "differs by less than {}",
    ("equivalence", False): "differs by more than {}",
}


class LocationClaim(ArmClaim):
    """A claim about where the treatment's scores lie compared with the control's.

    Args:
        test: the tests.
        generalises_to: what the verdict is to hold for: other seeds on the same test examples, or
            other seeds and other examples.
    """

    test: LocationProcedure = LocationProcedure()
    generalises_to: Population = ("seeds",)

    @property
    @abstractmethod
    def comparison(self) -> Comparison:
        """Which row of the table of verdicts applies."""

    @property
    @abstractmethod
    def boundary(self) -> Boundary:
        """The minimum effect or the margin."""

    @abstractmethod
    def contrast(self, samples: ArmScores) -> tuple[Array, Array]:
        """Return the scores of treatment and control, in the metric's units."""

    @property
    def population(self) -> tuple[Source, ...]:
        """As declared."""
        return self.generalises_to

    @property
    def sides(self) -> Sides:
        """As declared."""
        return self.test.sides

    @property
    def tails(self) -> tuple[int, int]:
        """An equivalence is refuted on either side."""
        return (1, 2) if self.comparison == "equivalence" else super().tails

    @property
    def primary_test(self) -> str:
        """As declared."""
        return self.test.primary

    @property
    def needs_direction(self) -> bool:
        """Whether the claim speaks of better and worse: only equivalence does not."""
        return self.comparison != "equivalence"

    largest_effect: ClassVar[int] = 1
    """The largest effect there can be, in ranges of the metric."""

    def trivial(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary lies where no effect on this metric can."""
        metric, key, boundary = metrics[self.metric.name], self.amount_key, self.boundary
        ratios = self.scale(metrics) == "log"
        if not boundary.relative:
            return None if ratios else too_wide(key, boundary.value, metric, self.largest_effect)
        # Scores that are not negative can lose no more than all: 100 % of the control's mean.
        falls = {"superiority": "lower", "non_inferiority": "higher"}.get(self.comparison)
        losing = self.metric.direction(metrics) == falls if falls else ratios
        if boundary.value < 1 or not losing or (metric.low < 0 and not ratios):
            return None
        return UserError(
            f"{key}: {metric.name} cannot fall by {self.boundary.amount:g} % of the control's mean",
            f"Write {key} below 100%",
        )

    @property
    def amount_key(self) -> str:
        """The key in the file that holds the boundary."""
        return "min_effect" if self.comparison == "superiority" else "margin"

    def boundary_on(self, metrics: Mapping[str, Metric]) -> Boundary:
        """Return the boundary on the metric's scale."""
        return replace(self.boundary, log=self.scale(metrics) == "log")

    def scale(self, metrics: Mapping[str, Metric]) -> Scale:
        """As the metric declares."""
        known = metrics.get(self.metric.name)
        return "linear" if known is None else known.scale

    def unscaled(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary is none on the metric's scale; None where it is one."""
        boundary = self.boundary_on(metrics)
        if boundary.log and "examples" in self.population:
            return UserError(
                f"generalises_to: {self.metric.name} is compared by ratios, and the logarithm of a "
                "mean is no mean over examples",
                "Write generalises_to: seeds for this claim",
            )
        if not boundary.log or boundary.relative or boundary.value == 0:
            return None
        return UserError(
            f"{self.amount_key}: {boundary.value:g} is no ratio, by which {self.metric.name} is "
            "compared",
            f'Write {self.amount_key}: "10% of control mean" (the geometric mean)',
        )

    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return the metric's unit, or that of a share of the control's mean."""
        if self.boundary_on(metrics).log:
            return "% of control geometric mean"
        if self.boundary.relative:
            return "% of control mean"
        return metrics[self.metric.name].unit if self.metric.name in metrics else ""

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found, of the pair that the effect is a difference of."""
        pair = " against ".join(f"({name})" if " - " in name else name for name in self.labels)
        if self.comparison == "superiority" and boundary == 0:
            return f"{pair} is {'better' if supported else 'worse'} in {self.metric.name}"
        ending = _FINDINGS[self.comparison, supported].format(amount(boundary, unit))
        return f"{pair} {ending} in {self.metric.name}"

    def samples(self, tables: Tables, metrics: Mapping[str, Metric]) -> ArmScores:
        """Return the scores that are tested, after every gate: logarithms on such a scale."""
        if (misfit := self.unscaled(metrics)) is not None:
            raise NoVerdict("invalid", misfit.what)
        samples, boundary = super().samples(tables, metrics), self.boundary_on(metrics)
        if boundary.log:
            return logarithms(samples, self.metric.name)
        control = list(self.arm_names().values())[1]
        scores = samples.values[control].to_numpy()
        low, high = np.nanmin(scores), np.nanmax(scores)
        # A share of scores of both signs means nothing, and there is none of zero.
        if boundary.relative and (low < 0 < high or low == high == 0):
            why = "change sign" if low < high else "are all 0"
            raise NoVerdict(
                "invalid", f"a share of the mean of {control} means nothing: its scores {why}"
            )
        return samples

    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Compare the two sides with the primary test, and with the others beside it."""
        samples = self.samples(tables, metrics)
        over_seeds = self._over_seeds(samples, metrics, level)
        if "examples" not in self.population or over_seeds.n < 2:
            return over_seeds
        values = example_scores(tables, samples, self.metric.name, self.metric.split)
        if values is None:
            # What each seed draws for itself is a part of its own variance.
            return over_seeds
        treatment, control = (side.reshape(over_seeds.n, -1) for side in self.contrast(values))
        both = TwoSources(
            treatment,
            control,
            self.comparison,
            self.boundary,
            self.sides,
            lower_is_better=self._sign(metrics) < 0,
        )
        return both.assess(over_seeds, _PLANNED_AT[self.comparison], level)

    def _over_seeds(
        self, samples: ArmScores, metrics: Mapping[str, Metric], level: Level
    ) -> Assessment:
        """Return the assessment of other seeds on the same examples."""
        boundary = self.boundary_on(metrics)
        sign = self._sign(metrics)
        treatment, control = self.contrast(samples)
        x, y = sign * treatment, sign * control
        others: tuple[AnyLocationTest, ...] = self.test.sensitivity
        if self.paired and len(x) >= FEWEST:
            others = (*others, "skewed_t")
        evidence = {}
        if min(len(x), len(y)) >= 2:
            evidence = {
                test: self._evidence(test, treatment, control, boundary, sign)
                for test in dict.fromkeys((self.test.primary, *others))
            }
        p_supported, p_refuted = evidence.get(self.test.primary, (math.nan, math.nan))
        detectable, needed = self._plan(x, y, control, boundary, sign, level)
        units = boundary.units(control)
        effect, interval = (_mean(x) - _mean(y)) / _mean(units), (math.nan, math.nan)
        if evidence:
            effect, interval = shift_of(self.test.primary, x, y, units, level.interval)
        skewness, skewness_p = math.nan, math.nan
        if self.test.primary == "paired_t" and not math.isnan(p_supported):
            skewness, skewness_p = skewness_of(x - y - effect * units)
        turned = (effect, *interval, detectable / _mean(units))
        effect, low, high, detectable = (boundary.shown(one, sign) for one in turned)
        attainable = smallest_p(self.test.primary, len(x), len(y))
        return Assessment(
            n=min(len(x), len(y)),
            estimate=sign * effect,
            effect=effect,
            control_mean=boundary.mean(control),
            treatment_mean=boundary.mean(treatment),
            boundary=boundary.amount,
            interval=(low, high),
            p_supported=p_supported,
            p_refuted=p_refuted,
            attainable_p=min(1.0, level.spending * attainable),
            test=self.test.primary,
            trials=samples.trials,
            sensitivity={
                test: None if math.isnan(evidence[test][0]) else evidence[test][0]
                for test in others
                if evidence
            },
            skewed_p_refuted=evidence.get("skewed_t", (math.nan, math.nan))[1],
            skewness=skewness,
            skewness_p=skewness_p,
            effect_size=self._effect_size(x, y) if evidence else "",
            pairing_correlation=(
                _correlation(treatment, control) if evidence and self.paired else math.nan
            ),
            detectable_effect=detectable,
            seeds_needed=needed,
        )

    def pool(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric], level: Level
    ) -> PooledAssessment:
        """Average the paired effects of the problems with equal weights."""
        if not self.paired:
            raise NoVerdict("not_run", "not pooled: only claims about paired seeds are")
        if "examples" in self.population:
            why = "not pooled: only claims that generalise to seeds alone are"
            raise NoVerdict("not_run", why)
        samples, boundary = self.samples_by_problem(problems, metrics), self.boundary_on(metrics)
        sign = self._sign(metrics)
        sides = [self.contrast(one) for one in samples.values()]
        x = [sign * treatment for treatment, _ in sides]
        y = [sign * control for _, control in sides]
        controls = [control for _, control in sides]
        units = [boundary.units(control) for control in controls]

        def at(side: int) -> StratifiedMean:
            edges = [boundary.edge(control, side, sign) for control in controls]
            return stratified_mean(x, [own + edge for own, edge in zip(y, edges, strict=True)])

        supported, refuted = evidence_at_boundaries(
            self.comparison, lambda side, alternative: at(side).p(alternative), self.test.sides
        )
        planned = at(_PLANNED_AT[self.comparison])
        n = int(planned.sizes.min())
        unit = mean_of_means(units)
        distance = self._distance(boundary, controls, sign)
        detectable, needed = plan_pooled(self.comparison, planned, distance, n, level)

        def effect_in(which: slice) -> ProblemEffect:
            n, *turned = self._pooled_effect(x[which], y[which], units[which], boundary, level)
            return ProblemEffect(n, *(boundary.shown(one, sign) for one in turned))

        own = effect_in(slice(None))
        assessment = Assessment(
            n=n,
            estimate=sign * own.effect,
            effect=own.effect,
            treatment_mean=boundary.mean(sign * np.array([_mean(one) for one in x])),
            control_mean=boundary.mean(sign * np.array([_mean(one) for one in y])),
            boundary=boundary.amount,
            interval=(own.low, own.high),
            p_supported=float(supported),
            p_refuted=float(refuted),
            attainable_p=0.0,
            test="stratified_t",
            trials=pd.concat([one.trials for one in samples.values()]),
            detectable_effect=boundary.shown(detectable / unit, sign),
            seeds_needed=needed,
        )
        by_problem = {name: effect_in(slice(k, k + 1)) for k, name in enumerate(samples)}
        # Problems are alike in a ratio where nothing is left of their differences beyond it.
        ratio = own.effect if boundary.is_share else 0.0
        return PooledAssessment(assessment, _beyond(x, y, units, ratio), by_problem)

    def _pooled_effect(
        self,
        x: Sequence[Array],
        y: Sequence[Array],
        units: Sequence[Array],
        boundary: Boundary,
        level: Level,
    ) -> tuple[int, float, float, float]:
        """Return n, the effect over strata of paired scores, and its unadjusted interval."""

        def at(ratio: float) -> Interval:
            return _beyond(x, y, units, ratio).interval(level.interval)

        effect = float(_beyond(x, y, units, 0.0).mean) / mean_of_means(units)
        ends = ratio_interval(at, effect) if boundary.is_share else at(0.0)
        return min(len(one) for one in x), effect, *ends

    def _sign(self, metrics: Mapping[str, Metric]) -> float:
        """Return what turns a difference so that positive is better."""
        return -1.0 if self.better(metrics) == "lower" else 1.0

    def _evidence(
        self,
        test: AnyLocationTest,
        treatment: Array,
        control: Array,
        boundary: Boundary,
        sign: float,
    ) -> tuple[float, float]:
        supported, refuted = location_evidence(
            self.comparison,
            test,
            treatment[None],
            control[None],
            boundary,
            lower_is_better=sign < 0,
            sides=self.test.sides,
        )
        return float(supported[0]), float(refuted[0])

    def _effect_size(self, x: Array, y: Array) -> str:
        name, size = ("d_z", d_z(x - y)) if self.paired else ("Hedges g", hedges_g(x, y))
        # Nothing where the scores have no spread to measure the effect by.
        return "" if math.isnan(size) else f"{name} = {size:.3g}"

    def _distance(self, boundary: Boundary, controls: Sequence[Array], sign: float) -> float:
        """Return how far the boundary lies from no difference; of two sides the nearer."""
        sides = (1, -1) if self.comparison == "equivalence" else (_PLANNED_AT[self.comparison],)
        edges = [[boundary.edge(one, side, sign) for one in controls] for side in sides]
        return min(abs(mean_of_means(own)) for own in edges)

    def _plan(
        self, x: Array, y: Array, control: Array, boundary: Boundary, sign: float, level: Level
    ) -> tuple[float, SeedsNeeded | None]:
        """Plan with the level that the correction leaves, for an effect like the one seen."""
        n = min(len(x), len(y))
        if n < 2:
            return math.nan, None
        edge = y + boundary.edge(control, _PLANNED_AT[self.comparison], sign)
        distance = self._distance(boundary, [control], sign)
        spread = float(np.std(x - edge, ddof=1)) if self.paired else pooled_sd(x, edge)
        offset = _mean(x) - _mean(edge)
        rounding = ROUNDING * float(max(np.abs(x).max(), np.abs(y).max()))
        fewest = seeds_for_attainable(self.test.primary, level.one_sided)
        if spread <= rounding:
            # Nothing to plan with, but an exact test needs no more than its attainable p.
            exact_test = self.test.primary not in ("paired_t", "welch_t")
            settled = exact_test and fewest is not None and abs(offset) > rounding
            least = max(fewest or 0, level.min_seeds)
            return math.nan, SeedsNeeded(least, least) if settled else None
        detectable, needed = plan(
            self.comparison, n, spread, offset, distance, level, paired=self.paired
        )
        if needed is None or fewest is None:
            return detectable, None
        return detectable, needed.at_least(max(fewest, level.min_seeds))

    @model_validator(mode="after")
    def _examples_are_paired(self) -> Self:
        if "examples" not in self.generalises_to:
            return self
        for key, value, needed in (
            ("test.primary", self.test.primary, "paired_t"),
            ("pairing", "seed" if self.paired else "none", "seed"),
        ):
            if value != needed:
                raise ValueError(
                    f"generalises_to: [seeds, examples] is not worked out for {key}: {value}; "
                    f"write {key}: {needed}, or generalises_to: seeds for this claim"
                )
        if self.missing == "worst_value":
            raise ValueError(
                "generalises_to: [seeds, examples] is not worked out for missing: worst_value, "
                "which has no values of single examples; write missing: fail, or generalises_to: "
                "seeds for this claim"
            )
        return self

    @model_validator(mode="after")
    def _equivalence_has_one_side(self) -> Self:
        if self.comparison == "equivalence" and self.test.sides == "two":
            raise ValueError(
                "test.sides: an equivalence is two one-sided tests already; write sides: one"
            )
        return self


def _beyond(
    x: Sequence[Array], y: Sequence[Array], units: Sequence[Array], ratio: float
) -> StratifiedMean:
    """Return what is left of the effect beyond a number of units, in the metric's units."""
    return stratified_mean(x, [own + ratio * one for own, one in zip(y, units, strict=True)])


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _correlation(treatment: Array, control: Array) -> float:
    if np.ptp(treatment) == 0 or np.ptp(control) == 0:
        return math.nan
    return float(np.corrcoef(treatment, control)[0, 1])
