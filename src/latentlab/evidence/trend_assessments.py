"""What the data say about claims of a rank trend, before their family is corrected."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.evidence.assessments import Assessment, Level
from latentlab.evidence.samples import ArmScores, TrialColumns
from latentlab.evidence.trend_claims import Association, Monotone
from latentlab.statistics.association import (
    Trend,
    equivalence_to_zero,
    equivalence_to_zero_across_seeds,
    monotone_trend,
    seed_correlations,
    spearman_within_blocks,
)
from latentlab.statistics.intervals import Interval, mean_interval, spearman_interval
from latentlab.statistics.location import ROUNDING
from latentlab.statistics.power import (
    detectable_correlation,
    detectable_effect,
    sd_upper_factor,
    seeds_for_effect,
    trials_for_correlation,
)


def assess_monotone(claim: Monotone, samples: ArmScores, level: Level) -> Assessment:
    """Assess whether scores rise, or fall, along the stated order of arms."""
    arms = list(claim.levels)
    scores = samples.values[arms].to_numpy(dtype=np.float64)
    sign = 1.0 if claim.direction == "increasing" else -1.0
    trend = monotone_trend(scores)
    correlations = seed_correlations(scores)
    rope_p = (
        None if claim.rope is None else equivalence_to_zero_across_seeds(correlations, claim.rope)
    )
    low, high = mean_interval(sign * correlations, level.interval)
    detectable, needed = _monotone_plan(correlations, scores.shape[1], level)
    means = scores.mean(axis=0)
    return trend_assessment(
        trend,
        sign,
        rope_p,
        level,
        n=len(scores),
        ends=(arms[-1], arms[0]),
        means=(float(means[-1]), float(means[0])),
        interval=(max(-1.0, low), min(1.0, high)),
        test="page_permutation",
        effect_size=f"mean rho = {sign * trend.estimate:.3g}",
        trials=samples.trials,
        plan=(detectable, needed),
    )


def _monotone_plan(correlations: Array, arms: int, level: Level) -> tuple[float, int | None]:
    """Detectable mean correlation and seeds needed, by the t test of the seeds' correlations."""
    n = len(correlations)
    spread = float(np.std(correlations, ddof=1)) if n > 1 else 0.0
    mean = abs(float(np.mean(correlations)))
    # The permutation test needs (arms!) ** -seeds to fall below the level.
    attainable = math.ceil(math.log(1 / level.one_sided) / math.log(math.factorial(arms)))
    fewest = max(attainable, level.min_seeds)
    if spread <= ROUNDING:
        return math.nan, fewest if mean > 0 else None
    detectable = min(1.0, spread * detectable_effect(n, level.one_sided, paired=True))
    size = mean / (spread * sd_upper_factor(n))
    needed = seeds_for_effect(size, level.one_sided, paired=True)
    return detectable, None if needed is None else max(needed, fewest)


def assess_association(claim: Association, columns: TrialColumns, level: Level) -> Assessment:
    """Assess whether a metric goes with another metric or factor over trials."""
    n = len(columns.metric)
    sign = 1.0 if claim.direction == "positive" else -1.0
    trend = spearman_within_blocks(columns.against, columns.metric, columns.seeds)
    rope_p = None if claim.rope is None else equivalence_to_zero(trend.estimate, n, claim.rope)
    low, high = spearman_interval(trend.estimate, n, level.interval)
    detectable, needed = math.nan, None
    if not math.isnan(trend.estimate):
        detectable = detectable_correlation(n, level.one_sided)
        needed = trials_for_correlation(trend.estimate, level.one_sided)
    return trend_assessment(
        trend,
        sign,
        rope_p,
        level,
        n=n,
        ends=("", ""),
        means=(math.nan, math.nan),
        interval=(low, high) if sign > 0 else (-high, -low),
        test="spearman_permutation",
        effect_size=f"rho = {sign * trend.estimate:.3g}",
        trials=columns.trials,
        plan=(
            detectable,
            None if needed is None else max(needed, level.min_seeds),
        ),
    )


def trend_assessment(
    trend: Trend,
    sign: float,
    rope_p: float | None,
    level: Level,
    *,
    n: int,
    ends: tuple[str, str],
    means: tuple[float, float],
    interval: Interval,
    test: str,
    effect_size: str,
    trials: pd.DataFrame,
    plan: tuple[float, int | None],
) -> Assessment:
    """Put a trend's statistics together, in the direction that is claimed.

    Args:
        trend: the rank correlation and its p-values.
        sign: 1 where the claim says that it is positive, -1 for negative.
        rope_p: p-value that it is too small to matter, where that counts against the claim.
        level: levels to report with.
        n: seeds, or trials.
        ends: names of last and first arm.
        means: their means.
        interval: of the effect, turned in the claimed direction.
        test: name of the test.
        effect_size: in words.
        trials: the trials that were used.
        plan: detectable effect and seeds needed.
    """
    toward, away = trend.p_positive, trend.p_negative
    if sign < 0:
        toward, away = away, toward
    if rope_p is not None:
        # Two ways to be refuted share the level, else both chances of a false refutation add up.
        away = min(1.0, 2 * float(np.fmin(away, rope_p)))
    return Assessment(
        n=n,
        treatment=ends[0],
        control=ends[1],
        estimate=trend.estimate,
        effect=sign * trend.estimate,
        treatment_mean=means[0],
        control_mean=means[1],
        boundary=0.0,
        interval=interval,
        p_supported=min(1.0, level.spending * toward),
        p_refuted=min(1.0, level.spending * away),
        attainable_p=min(1.0, level.spending * trend.attainable),
        test=test,
        trials=trials,
        effect_size=effect_size,
        detectable_effect=plan[0],
        seeds_needed=plan[1],
    )
