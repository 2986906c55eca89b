"""What the data of one hypothesis say, before its family is corrected."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.evidence.claims import Interaction, LocationClaim
from latentlab.evidence.decisions import Comparison, Sides, location_evidence
from latentlab.evidence.margins import Boundary
from latentlab.evidence.samples import ArmScores
from latentlab.statistics.attainable import LocationTest, seeds_for_attainable, smallest_p
from latentlab.statistics.effect_sizes import d_z, hedges_g, pooled_sd
from latentlab.statistics.intervals import (
    Interval,
    mean_interval,
    welch_interval,
)
from latentlab.statistics.location import ROUNDING
from latentlab.statistics.power import (
    detectable_effect,
    detectable_margin,
    sd_upper_factor,
    seeds_for_effect,
    seeds_for_equivalence,
)


@dataclass(frozen=True)
class Assessment:
    """The statistics of one hypothesis. Attributes are columns of the verdicts, in their units."""

    n: int
    treatment: str
    control: str
    estimate: float
    effect: float
    control_mean: float
    treatment_mean: float
    boundary: float
    interval: Interval
    p_supported: float
    p_refuted: float
    attainable_p: float
    test: str
    trials: pd.DataFrame
    sensitivity: dict[LocationTest, float | None] = field(default_factory=dict)
    effect_size: str = ""
    pairing_correlation: float = math.nan
    detectable_effect: float = math.nan
    seeds_needed: int | None = None


@dataclass(frozen=True)
class Level:
    """Levels that an assessment plans and reports with.

    Args:
        sides: "two" spends half of alpha on each direction.
        interval: coverage of the interval that matches the uncorrected test.
        one_sided: what the family's correction leaves to one direction; plans use it.
        min_seeds: fewest seeds that may decide.
    """

    sides: Sides
    interval: float
    one_sided: float
    min_seeds: int

    @property
    def spending(self) -> int:
        """Number of sides that alpha is shared between."""
        return 2 if self.sides == "two" else 1


def assess_location(
    claim: LocationClaim,
    samples: ArmScores,
    level: Level,
    *,
    paired: bool,
    lower_is_better: bool,
) -> Assessment:
    """Assess a claim about two arms, or about the contrast of contrasts of four."""
    labels, treatment, control = contrast(claim, samples, paired=paired)
    sign = -1.0 if lower_is_better else 1.0
    n = min(len(treatment), len(control))
    p_supported, p_refuted, sensitivity = math.nan, math.nan, {}
    interval: Interval = (math.nan, math.nan)
    effect_size, correlation = "", math.nan
    if n >= 2:
        tests = dict.fromkeys((claim.test.primary, *claim.test.sensitivity))
        evidence = {
            test: _evidence(claim, test, treatment, control, lower_is_better=lower_is_better)
            for test in tests
        }
        p_supported, p_refuted = evidence[claim.test.primary]
        sensitivity = {
            test: None if math.isnan(evidence[test][0]) else evidence[test][0]
            for test in claim.test.sensitivity
        }
        if paired:
            interval = mean_interval(sign * (treatment - control), level.interval)
            effect_size = _in_words("d_z", sign * d_z(treatment - control))
            correlation = _correlation(treatment, control)
        else:
            interval = welch_interval(sign * treatment, sign * control, level.interval)
            effect_size = _in_words("Hedges g", sign * hedges_g(treatment, control))
    planned = _plan(claim, sign * treatment, sign * control, control, level, paired=paired)
    estimate = _mean(treatment) - _mean(control)
    return Assessment(
        n=n,
        treatment=labels[0],
        control=labels[1],
        estimate=estimate,
        effect=sign * estimate,
        control_mean=_mean(control),
        treatment_mean=_mean(treatment),
        boundary=_mean(claim.boundary.distance(control)),
        interval=interval,
        p_supported=p_supported,
        p_refuted=p_refuted,
        attainable_p=min(
            1.0,
            level.spending * smallest_p(claim.test.primary, len(treatment), len(control)),
        ),
        test=claim.test.primary,
        trials=samples.trials,
        sensitivity=sensitivity,
        effect_size=effect_size,
        pairing_correlation=correlation,
        detectable_effect=planned[0],
        seeds_needed=planned[1],
    )


def _in_words(name: str, size: float) -> str:
    """Nothing where the scores have no spread to measure the effect by."""
    return "" if math.isnan(size) else f"{name} = {size:.3g}"


def one_signed(boundary: Boundary, samples: ArmScores, arm: str) -> bool:
    """Whether a relative boundary is meaningful: a share of scores of both signs is not."""
    control = samples.values[arm].to_numpy()
    return not (boundary.relative and np.nanmin(control) < 0 < np.nanmax(control))


def contrast(
    claim: LocationClaim, samples: ArmScores, *, paired: bool
) -> tuple[tuple[str, str], Array, Array]:
    """The two sides of a claim: their names, and their scores; of four arms, two contrasts."""
    names = list(claim.arm_names().values())
    columns = [samples.values[name].to_numpy(dtype=np.float64) for name in names]
    if isinstance(claim, Interaction):
        both, first, second, neither = columns
        labels = f"{names[0]} - {names[1]}", f"{names[2]} - {names[3]}"
        return labels, both - first, second - neither
    if not paired:
        columns = [column[~np.isnan(column)] for column in columns]
    return (names[0], names[1]), columns[0], columns[1]


def _evidence(
    claim: LocationClaim,
    test: LocationTest,
    treatment: Array,
    control: Array,
    *,
    lower_is_better: bool,
) -> tuple[float, float]:
    supported, refuted = location_evidence(
        claim.comparison,
        test,
        treatment[None],
        control[None],
        claim.boundary,
        lower_is_better=lower_is_better,
        sides=claim.test.sides,
    )
    return float(supported[0]), float(refuted[0])


def _plan(
    claim: LocationClaim,
    x: Array,
    y: Array,
    control: Array,
    level: Level,
    *,
    paired: bool,
) -> tuple[float, int | None]:
    """Detectable effect at this n, and seeds that would settle an effect like the one seen.

    Both use the level that the correction leaves and t-test power; for rank and permutation tests
    this is an approximation, good to a seed or two.
    """
    n = min(len(x), len(y))
    if n < 2:
        return math.nan, None
    distance = claim.boundary.distance(control)
    boundary = _mean(distance)
    edge = {
        "superiority": y + distance,
        "non_inferiority": y - distance,
        "equivalence": y,
    }[claim.comparison]
    spread = float(np.std(x - edge, ddof=1)) if paired else pooled_sd(x, edge)
    offset = _mean(x) - _mean(edge)
    rounding = ROUNDING * float(max(np.abs(x).max(), np.abs(y).max()))
    if spread <= rounding:
        # Nothing to plan with, but an exact test needs no more than its attainable p.
        exact_test = claim.test.primary not in ("paired_t", "welch_t")
        fewest = seeds_for_attainable(claim.test.primary, level.one_sided)
        settled = exact_test and fewest is not None and abs(offset) > rounding
        return math.nan, max(fewest or 0, level.min_seeds) if settled else None
    detectable, needed = plan(claim.comparison, n, spread, offset, boundary, level, paired=paired)
    if needed is not None:
        exact = seeds_for_attainable(claim.test.primary, level.one_sided)
        needed = None if exact is None else max(needed, exact, level.min_seeds)
    return detectable, needed


def plan(
    comparison: Comparison,
    n: float,
    spread: float,
    offset: float,
    boundary: float,
    level: Level,
    *,
    paired: bool,
) -> tuple[float, int | None]:
    """Detectable effect and seeds needed, by t-test power.

    Args:
        comparison: the claim.
        n: seeds (per arm); a t test with other degrees of freedom than n - 1 counts as one more.
        spread: standard deviation of the differences, or within arms; positive.
        offset: the effect less the boundary (for equivalence the effect itself).
        boundary: minimum effect or margin.
        level: what to plan with.
        paired: whether arms share seeds.
    """
    planned_spread = spread * sd_upper_factor(n)
    if comparison == "equivalence":
        detectable = spread * detectable_margin(n, level.one_sided, paired=paired)
        return detectable, _equivalence_seeds(
            boundary, abs(offset), planned_spread, level, paired=paired
        )
    start = boundary if comparison == "superiority" else -boundary
    detectable = start + spread * detectable_effect(n, level.one_sided, paired=paired)
    return detectable, seeds_for_effect(
        abs(offset) / planned_spread, level.one_sided, paired=paired
    )


def _equivalence_seeds(
    margin: float, effect: float, spread: float, level: Level, *, paired: bool
) -> int | None:
    if effect < margin:
        return seeds_for_equivalence(
            margin / spread, level.one_sided, paired=paired, true_effect=effect / spread
        )
    # Outside the margin the claim can only be refuted, on one side at half the level.
    return seeds_for_effect((effect - margin) / spread, level.one_sided / 2, paired=paired)


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _correlation(treatment: Array, control: Array) -> float:
    if np.ptp(treatment) == 0 or np.ptp(control) == 0:
        return math.nan
    return float(np.corrcoef(treatment, control)[0, 1])
