"""What this many seeds would have shown, and how many an effect like the one seen needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from latentlab.evidence.assessment import Level, SeedsNeeded
from latentlab.evidence.decisions import Comparison
from latentlab.statistics.power import (
    detectable_effect,
    detectable_margin,
    equivalence_power,
    fewest,
    power,
    sd_upper_factor,
    seeds_for_effect,
    seeds_for_equivalence,
)
from latentlab.statistics.two_way import TwoWayMean


def plan(
    comparison: Comparison,
    n: float,
    spread: float,
    offset: float,
    boundary: float,
    level: Level,
    *,
    paired: bool,
) -> tuple[float, SeedsNeeded | None]:
    """Return the detectable effect and the seeds needed, by t-test power.

    For rank and permutation tests this is an approximation, good to a seed or two.

    Args:
        comparison: how the claim compares.
        n: seeds (per arm); a t test with other degrees of freedom than n - 1 counts as one more.
        spread: standard deviation of the differences, or within arms; positive.
        offset: the effect less the boundary (for equivalence the effect itself).
        boundary: minimum effect or margin.
        level: what to plan with.
        paired: whether arms share seeds.

    Returns:
        The smallest true effect (for equivalence, margin) that is found with 80 % power, in the
        units of `spread`, and the seeds, None where no affordable number suffices at the upper
        limit of the spread.

    Example:
        >>> level = Level("one", interval=0.9, one_sided=0.05, min_seeds=5)
        >>> detectable, seeds = plan("superiority", 10, 2.0, 1.5, 0.0, level, paired=True)
        >>> round(detectable, 2), seeds
        (1.71, SeedsNeeded(likely=13, upper=20))
    """
    ahead = level.seeds or n
    if comparison == "equivalence":
        detectable = spread * detectable_margin(ahead, level.one_sided, paired=paired)
        return detectable, seeds_range(
            lambda sd: _equivalence_seeds(boundary, abs(offset), sd, level, paired=paired),
            spread,
            n,
        )
    start = boundary if comparison == "superiority" else -boundary
    detectable = start + spread * detectable_effect(ahead, level.one_sided, paired=paired)
    return detectable, seeds_range(
        lambda sd: seeds_for_effect(abs(offset) / sd, level.one_sided, paired=paired), spread, n
    )


def seeds_range(
    seeds: Callable[[float], int | None], spread: float, n: float
) -> SeedsNeeded | None:
    """Plan with a pilot's spread as it was seen, and with its upper 80 % limit.

    Args:
        seeds: standard deviation -> seeds needed, None where no affordable number suffices.
        spread: of the pilot.
        n: seeds of the pilot, at least 2.
    """
    likely, upper = seeds(spread), seeds(spread * sd_upper_factor(n))
    return None if likely is None or upper is None else SeedsNeeded(likely, upper)


def _equivalence_seeds(
    margin: float, effect: float, spread: float, level: Level, *, paired: bool
) -> int | None:
    if effect < margin:
        return seeds_for_equivalence(
            margin / spread, level.one_sided, paired=paired, true_effect=effect / spread
        )
    # Outside the margin the claim can only be refuted, on one side at half the level.
    return seeds_for_effect((effect - margin) / spread, level.one_sided / 2, paired=paired)


def plan_two_sources(
    comparison: Comparison, known: TwoWayMean, boundary: float, level: Level
) -> tuple[float, SeedsNeeded | None]:
    """Return the detectable effect and the seeds needed, where the examples are a sample too.

    The part of the variance that the examples bring stays, however many seeds there are. The test
    is planned as a t test of `freedom + 1` pairs whose mean has the same error.

    Args:
        comparison: how the claim compares.
        known: the effect less the boundary (for equivalence the effect itself).
        boundary: minimum effect or margin, in the metric's units.
        level: what to plan with.

    Returns:
        As `plan`; None also where these examples leave it open with any number of seeds.
    """
    if not known.error > 0:
        return math.nan, None
    offset = abs(float(known.mean))

    def as_pairs(mean: TwoWayMean) -> tuple[float, float]:
        pairs = float(mean.freedom) + 1
        return float(mean.error) * math.sqrt(pairs), pairs

    def chance(seeds: int, factor: float) -> float:
        spread, pairs = as_pairs(known.with_seeds(seeds, factor))
        if comparison != "equivalence":
            return power(offset / spread, pairs, level.one_sided, paired=True)
        if offset < boundary:
            margin, effect = boundary / spread, offset / spread
            return equivalence_power(
                margin, pairs, level.one_sided, paired=True, true_effect=effect
            )
        # Outside the margin the claim can only be refuted, on one side at half the level.
        return power((offset - boundary) / spread, pairs, level.one_sided / 2, paired=True)

    ahead = known.with_seeds(level.seeds, 1.0) if level.seeds else known
    spread, pairs = as_pairs(ahead)
    own = replace(level, seeds=None)
    detectable, _ = plan(comparison, pairs, spread, float(known.mean), boundary, own, paired=True)
    needed = seeds_range(
        lambda factor: fewest(lambda seeds: chance(seeds, factor)), 1.0, known.seeds
    )
    return detectable, None if needed is None else needed.at_least(level.min_seeds)
