"""What a number of seeds can show, and how many seeds a question needs.

Levels are one-sided: a two-sided test at .05 is a level of .025 on each side. Effects are in
standard deviations: of the paired differences, or within arms where arms are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import scipy

from latentlab.statistics.intervals import spearman_error

TARGET = 0.8
# A question that needs more seeds than this is not settled by adding seeds.
MAX_SEEDS = 10_000
# No design here meets an effect of this many standard deviations.
_LARGEST_EFFECT = 1e4


def power(effect: float, n: float, level: float, *, paired: bool) -> float:
    """Return the chance that a one-sided t test rejects when the true effect is `effect`.

    Args:
        effect: true distance from the boundary in standard deviations, positive.
        n: seeds (paired) or seeds per arm (independent), at least 2.
        level: one-sided level.
        paired: whether arms share seeds.

    Example:
        >>> round(power(1.0, 10, 0.05, paired=True), 2)
        0.9
    """
    # statsmodels takes half a second to import and only planning needs it.
    from statsmodels.stats.power import TTestIndPower, TTestPower

    test: Any = TTestPower() if paired else TTestIndPower()
    return float(test.power(effect, n, level, alternative="larger"))


def equivalence_power(
    margin: float, n: float, level: float, *, paired: bool, true_effect: float = 0.0
) -> float:
    """Return the chance that both one-sided tests of an equivalence reject (Lakens 2017).

    By Bonferroni's inequality, exact to well below one seed wherever the power is useful.

    Args:
        margin: half-width of the equivalence region in standard deviations.
        n: seeds (paired) or seeds per arm.
        level: level of each one-sided test.
        paired: whether arms share seeds.
        true_effect: true difference in standard deviations, inside the margin.

    Example:
        >>> round(equivalence_power(1.0, 11, 0.05, paired=True), 2)
        0.85
    """
    upper = power(margin - true_effect, n, level, paired=paired)
    lower = power(margin + true_effect, n, level, paired=paired)
    return max(0.0, upper + lower - 1)


def detectable_effect(n: float, level: float, *, paired: bool, target: float = TARGET) -> float:
    """Return the smallest true effect that is found with the target power.

    Returns:
        The effect in standard deviations; NaN for fewer than two seeds.

    Example:
        >>> round(detectable_effect(5, 0.025, paired=True), 2)
        1.68
    """
    return _smallest(n, lambda effect: power(effect, n, level, paired=paired), target)


def detectable_margin(n: float, level: float, *, paired: bool, target: float = TARGET) -> float:
    """Return the smallest margin within which equal arms are shown equivalent.

    Example:
        >>> round(detectable_margin(9, 0.05, paired=False), 2)
        1.44
    """
    return _smallest(n, lambda margin: equivalence_power(margin, n, level, paired=paired), target)


def _smallest(n: float, reached: Callable[[float], float], target: float) -> float:
    if n < 2:
        return math.nan
    high = 1.0
    while reached(high) < target:
        high *= 2
        if high > _LARGEST_EFFECT:
            return math.nan
    return float(scipy.optimize.brentq(lambda effect: reached(effect) - target, 0.0, high))


def seeds_for_effect(
    effect: float, level: float, *, paired: bool, target: float = TARGET
) -> int | None:
    """Return the fewest seeds (per arm) that find `effect` with the target power.

    Args:
        effect: true distance from the boundary in standard deviations, at least 0.
        level: one-sided level.
        paired: whether arms share seeds.
        target: power in (level, 1).

    Returns:
        The number of seeds, or None where it exceeds `MAX_SEEDS`.

    Example:
        >>> seeds_for_effect(1.0, 0.025, paired=True), seeds_for_effect(1.0, 0.025, paired=False)
        (10, 17)
    """
    return fewest(lambda n: power(effect, n, level, paired=paired), target)


def seeds_for_equivalence(
    margin: float,
    level: float,
    *,
    paired: bool,
    true_effect: float = 0.0,
    target: float = TARGET,
) -> int | None:
    """Return the fewest seeds (per arm) that show a true effect to lie within the margin.

    Example:
        >>> seeds_for_equivalence(1.0, 0.05, paired=False)
        18
    """
    return fewest(
        lambda n: equivalence_power(margin, n, level, paired=paired, true_effect=true_effect),
        target,
    )


def fewest(reached: Callable[[int], float], target: float = TARGET) -> int | None:
    """Bisect for the first n from 2 whose power, which rises with n, reaches the target.

    Example:
        >>> fewest(lambda n: 1 - 1 / n)
        5
    """
    low, high = 1, 2
    while reached(high) < target:
        if high == MAX_SEEDS:
            return None
        low, high = high, min(2 * high, MAX_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= target else (middle, high)
    return high


def sd_upper_factor(n: float, confidence: float = 0.8) -> float:
    """Return the factor that turns a pilot's standard deviation into its upper limit.

    A standard deviation from few seeds is as likely too small as too large; planning with it as
    it stands gives studies that are too small half of the time.

    Args:
        n: seeds of the pilot, at least 2.
        confidence: one-sided confidence.

    Returns:
        The factor.

    Example:
        >>> [round(sd_upper_factor(n), 2) for n in (3, 5, 10)]
        [2.12, 1.56, 1.29]
    """
    return math.sqrt((n - 1) / float(scipy.stats.chi2.ppf(1 - confidence, n - 1)))


def detectable_correlation(n: int, level: float, target: float = TARGET) -> float:
    """Return the smallest rank correlation that `n` trials find with the target power.

    Returns:
        A correlation in (0, 1); NaN for fewer than four trials.

    Example:
        >>> round(detectable_correlation(30, 0.05), 2)
        0.47
    """
    if n < 4:
        return math.nan

    def surplus(rho: float) -> float:
        return math.atanh(rho) / spearman_error(rho, n) - _z_sum(level, target)

    return float(scipy.optimize.brentq(surplus, 0.0, 1 - 1e-12))


def trials_for_correlation(rho: float, level: float, target: float = TARGET) -> int | None:
    """Return the fewest trials that find a rank correlation, or None beyond `MAX_SEEDS`.

    Example:
        >>> trials_for_correlation(0.5, 0.05)
        27
    """
    rho = min(abs(rho), 0.999)
    if rho == 0:
        return None
    needed = 3 + (1 + rho**2 / 2) * (_z_sum(level, target) / math.atanh(rho)) ** 2
    return math.ceil(needed) if needed <= MAX_SEEDS else None


def trend_power(correlation: float, spread: float, seeds: float, arms: int, level: float) -> float:
    """Return the chance that Page's test (Page 1963) shows a trend, by its normal approximation.

    The test holds the mean of the seeds' rank correlations against what arms in random order give:
    0 with a variance of 1 / (arms - 1) a seed. Seeds that agree on an order that hardly rises
    have little spread, and are no evidence for a rise all the same.

    Args:
        correlation: true mean of the seeds' rank correlations, at least 0.
        spread: their standard deviation, at least 0.
        seeds: seeds, of all problems together.
        arms: arms in each seed, at least 2.
        level: one-sided level.

    Example:
        >>> round(trend_power(0.5, 0.4, 10, 4, 0.05), 2)
        0.94
    """
    surplus = correlation * math.sqrt(seeds) - _page_bound(arms, level)
    if spread == 0:
        return float(surplus >= 0)
    return float(scipy.stats.norm.cdf(surplus / spread))


def detectable_trend(
    spread: float, seeds: float, arms: int, level: float, target: float = TARGET
) -> float:
    """Return the smallest mean rank correlation that Page's test shows with the target power.

    Args:
        spread: standard deviation of the seeds' rank correlations.
        seeds: seeds, of all problems together.
        arms: arms in each seed.
        level: one-sided level.
        target: power in (level, 1).

    Returns:
        The correlation; 1 where only a strict order of the arms in every seed would do.

    Example:
        >>> found = detectable_trend(0.4, 10, 4, 0.05)
        >>> round(found, 2), round(trend_power(found, 0.4, 10, 4, 0.05), 2)
        (0.41, 0.8)
    """
    surplus = spread * float(scipy.stats.norm.ppf(target))
    return min(1.0, (_page_bound(arms, level) + surplus) / math.sqrt(seeds))


def _page_bound(arms: int, level: float) -> float:
    """Return what the mean correlation times the root of the seeds must exceed."""
    return float(scipy.stats.norm.isf(level)) / math.sqrt(arms - 1)


def _z_sum(level: float, target: float) -> float:
    return float(scipy.stats.norm.isf(level) + scipy.stats.norm.ppf(target))
