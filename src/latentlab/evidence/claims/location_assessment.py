"""How claims about where scores lie are assessed, in one problem and over several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.evidence.assessment import Assessment, Level, SeedsNeeded
from latentlab.evidence.claims.location_base import DeclaredLocation
from latentlab.evidence.decisions import (
    Comparison,
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
from latentlab.evidence.samples import ArmScores
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.evidence.two_sources import TwoSources
from latentlab.metrics.metric import Metric
from latentlab.statistics.attainable import seeds_for_attainable, smallest_p
from latentlab.statistics.effect_sizes import d_z, hedges_g, pooled_sd
from latentlab.statistics.intervals import Interval, ratio_interval
from latentlab.statistics.location import ROUNDING, AnyLocationTest
from latentlab.statistics.shifts import shift_of
from latentlab.statistics.skewness import FEWEST, skewness_of

# Which boundary a claim is planned at, as a multiple of its distance from 0.
_PLANNED_AT: dict[Comparison, int] = {"superiority": 1, "non_inferiority": -1, "equivalence": 0}


class LocationClaim(DeclaredLocation):
    """A claim about where the treatment's scores lie compared with the control's."""

    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Compare the two sides with the primary test, and with the others beside it."""
        samples = self.samples(tables, metrics)
        over_seeds = self._over_seeds(samples, metrics, level)
        if "examples" not in self.population or over_seeds.n < 2:
            return over_seeds
        found = example_scores(tables, samples, self.metric.name, self.metric.split)
        if found is None:
            # What each seed draws for itself is a part of its own variance.
            return over_seeds
        values, groups = found
        treatment, control = (side.reshape(over_seeds.n, -1) for side in self.contrast(values))
        both = TwoSources(
            treatment,
            control,
            self.comparison,
            self.boundary,
            self.sides,
            lower_is_better=self._sign(metrics) < 0,
            groups=groups,
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
