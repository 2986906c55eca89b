"""Claims that judge several contrasts of arms at once, on both sides: some differ, or none does."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from latentlab.core.arrays import Array
from latentlab.evidence.assessment import Assessment, ContrastFound, Foreseen, Level, SeedsNeeded
from latentlab.evidence.claims.base import DifferenceClaim, amount
from latentlab.evidence.claims.location import Pairing
from latentlab.evidence.claims.scaled import ScaledClaim
from latentlab.evidence.margins import Boundary, MinimumEffect, boundary_of
from latentlab.evidence.planning import plan
from latentlab.evidence.pooling import PooledAssessment
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric
from latentlab.statistics.contrasts import Contrasts, Holm, Together, of_blocks, of_samples
from latentlab.statistics.power import detectable_effect

Weights = Mapping[str, Mapping[str, float]]
"""Contrast -> arm -> its weight."""


class ContrastClaim(ScaledClaim, DifferenceClaim):
    """Some contrast is farther from 0 than `min_effect`; refuted where all are shown to be nearer.

    Without a `min_effect` it cannot be refuted: no data show that there is no difference at all.
    Of a metric that is compared by ratios a contrast is a ratio, or one of ratios, and what counts
    is its distance from 1.
    """

    pairing: Pairing = Field(description="whether the arms share seeds")
    min_effect: MinimumEffect = Field(
        0.0,
        description="differences up to this one do not matter, in the metric's units; ratios up to "
        "this many per cent from 1",
    )

    takes_shares: ClassVar[bool] = False

    @abstractmethod
    def weights(self) -> Weights:
        """Return the contrasts."""

    @abstractmethod
    def subject(self) -> tuple[str, str]:
        """Return what differs where it is supported, and what does not where it is refuted."""

    @property
    def paired(self) -> bool:
        """As declared."""
        return self.pairing == "seed"

    @property
    def boundary(self) -> Boundary:
        """The smallest difference that matters."""
        return boundary_of(self.min_effect)

    @property
    def primary_test(self) -> str:
        """A t test of each contrast, corrected by Holm."""
        return "holm_paired_t" if self.paired else "holm_welch_t"

    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return the metric's unit; that of ratios is per cent."""
        if self.scale(metrics) == "log":
            return "%"
        return metrics[self.metric.name].unit if self.metric.name in metrics else ""

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found."""
        some, none = self.subject()
        if not supported:
            return f"{none} by {amount(boundary, unit)} or more in {self.metric.name}"
        beyond = f" by more than {amount(boundary, unit)}" if boundary else ""
        return f"{some}{beyond} in {self.metric.name}"

    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Test all contrasts, each beyond the minimum effect and all within it."""
        samples = self.samples(tables, metrics)
        arms = list(self.arm_names().values())
        columns = [samples.values[arm].to_numpy(dtype=np.float64) for arm in arms]
        if not self.paired:
            columns = [column[~np.isnan(column)] for column in columns]
        n = min(map(len, columns))
        if n < 2:
            raise NoVerdict("invalid", "one seed has no spread")
        names = list(self.weights())
        weights = np.array([[own.get(arm, 0.0) for arm in arms] for own in self.weights().values()])
        boundary = self.boundary_on(metrics)
        tests = {
            test: (found, law, law.adjusted(found.deviates(*boundary.band)))
            for test, (found, law) in self.tests(columns, weights).items()
        }
        found, law, p = tests[self.primary_test]
        sign = -1.0 if self.better(metrics) == "lower" else 1.0
        deviates = found.deviates(*boundary.band)
        # The contrast that is surest, and of several that are equally sure the farthest out.
        first = int(np.lexsort((-np.nan_to_num(deviates, nan=-math.inf), p))[0])
        turned, half = sign * found.estimates, law.quantile(level.interval) * found.errors
        effects, lows, highs = (
            [boundary.shown(float(one), sign) for one in ends]
            for ends in (turned, turned - half, turned + half)
        )
        means = np.array([column.mean() for column in columns])
        detectable, needed = self._plan(found, first, n, boundary, level)
        return Assessment(
            n=n,
            estimate=sign * effects[first],
            effect=effects[first],
            control_mean=boundary.mean(means @ np.maximum(-weights[first], 0)),
            treatment_mean=boundary.mean(means @ np.maximum(weights[first], 0)),
            boundary=boundary.amount,
            interval=(lows[first], highs[first]),
            p_supported=math.nan if np.all(np.isnan(deviates)) else float(p[first]),
            p_refuted=float(found.within(*boundary.band)) if boundary.value else 1.0,
            attainable_p=0.0,
            test=self.primary_test,
            trials=samples.trials,
            sensitivity={
                test: float(own.min()) for test, (_, _, own) in tests.items() if own is not p
            },
            detectable_effect=boundary.shown(detectable, sign),
            seeds_needed=needed,
            contrasts={
                name: ContrastFound(*own)
                for name, *own in zip(names, effects, lows, highs, p.tolist(), strict=True)
            },
        )

    def tests(
        self, columns: Sequence[Array], weights: Array
    ) -> dict[str, tuple[Contrasts, Together]]:
        """Return test -> what it estimates and how it adjusts; the primary one among them.

        Args:
            columns: scores of each arm, [..., n]; paired ones in the order of their seeds.
            weights: of the contrasts, [contrasts, arms].
        """
        found = self.estimates(columns, weights, shared=False)
        name = "holm_paired_t" if self.paired else "holm_welch_t"
        return {name: (found, Holm(found.freedom, len(weights)))}

    def estimates(self, columns: Sequence[Array], weights: Array, *, shared: bool) -> Contrasts:
        """Return the contrasts with errors from one spread of all arms, or from their own."""
        if self.paired:
            return of_blocks(np.stack(columns, axis=-1), weights, shared=shared)
        return of_samples(columns, weights, shared=shared)

    def foreseen(self, level: Level, seeds: int, arms: int) -> Foreseen:
        """Return what seeds can show of one contrast, at Bonferroni's share of the level."""
        share = level.one_sided / len(self.weights())
        of = "a contrast's seeds" if self.paired else "the seeds of an arm"
        found = detectable_effect(seeds, share, paired=self.paired)
        return Foreseen(found, f"standard deviations of {of}")

    def pool(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric], level: Level
    ) -> PooledAssessment:
        """Refuse: several contrasts have no one mean effect.

        Raises:
            NoVerdict: always.
        """
        raise NoVerdict("not_run", "not pooled: it judges several contrasts at once")

    def _plan(
        self, found: Contrasts, shown: int, n: int, boundary: Boundary, level: Level
    ) -> tuple[float, SeedsNeeded | None]:
        """Plan for the contrast that is shown, at Bonferroni's share of the level."""
        error = float(found.errors[shown])
        if not error > 0:
            return math.nan, None
        spread = error * math.sqrt(n if self.paired else n / 2)
        estimate, (low, high) = float(found.estimates[shown]), boundary.band
        distance = high if estimate > 0 else -low
        detectable, needed = plan(
            "superiority",
            n,
            spread,
            abs(estimate) - distance,
            distance,
            replace(level, one_sided=level.one_sided / len(found.estimates)),
            paired=self.paired,
        )
        return detectable, None if needed is None else needed.at_least(level.min_seeds)
