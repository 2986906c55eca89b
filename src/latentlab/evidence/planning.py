"""What this many seeds would have shown, and how many an effect like the one seen needs."""

from __future__ import annotations

from collections.abc import Callable

from latentlab.evidence.assessment import Level, SeedsNeeded
from latentlab.evidence.decisions import Comparison
from latentlab.statistics.power import (
    detectable_effect,
    detectable_margin,
    sd_upper_factor,
    seeds_for_effect,
    seeds_for_equivalence,
)


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
    if comparison == "equivalence":
        detectable = spread * detectable_margin(n, level.one_sided, paired=paired)
        return detectable, seeds_range(
            lambda sd: _equivalence_seeds(boundary, abs(offset), sd, level, paired=paired),
            spread,
            n,
        )
    start = boundary if comparison == "superiority" else -boundary
    detectable = start + spread * detectable_effect(n, level.one_sided, paired=paired)
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
