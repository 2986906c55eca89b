"""What a number of seeds can show, and how many seeds a question needs.

Levels are one-sided: a two-sided test at .05 is a level of .025 on each side. Effects are in
standard deviations: of the paired differences, or within arms where arms are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import scipy.optimize
import scipy.stats

from latentlab.statistics.intervals import spearman_error

TARGET = 0.8
# A question that needs more seeds than this is not settled by adding seeds.
MAX_SEEDS = 10_000
# No design here meets an effect of this many standard deviations.
_LARGEST_EFFECT = 1e4


def power(effect: float, n: float, level: float, *, paired: bool) -> float:
    """Chance that a one-sided t test rejects when the true effect is `effect`.

    Args:
        effect: true distance from the boundary in standard deviations, positive.
        n: seeds (paired) or seeds per arm (independent), at least 2.
        level: one-sided level.
        paired: whether arms share seeds.
    """
    # statsmodels takes half a second to import and only planning needs it.
    from statsmodels.stats.power import TTestIndPower, TTestPower

    test: Any = TTestPower() if paired else TTestIndPower()
    return float(test.power(effect, n, level, alternative="larger"))


def equivalence_power(
    margin: float, n: float, level: float, *, paired: bool, true_effect: float = 0.0
) -> float:
    """Chance that both one-sided tests of an equivalence reject (Lakens 2017).

    By Bonferroni's inequality, exact to well below one seed wherever the power is useful.

    Args:
        margin: half-width of the equivalence region in standard deviations.
        n: seeds (paired) or seeds per arm.
        level: level of each one-sided test.
        paired: whether arms share seeds.
        true_effect: true difference in standard deviations, inside the margin.
    """
    upper = power(margin - true_effect, n, level, paired=paired)
    lower = power(margin + true_effect, n, level, paired=paired)
    return max(0.0, upper + lower - 1)


def detectable_effect(n: float, level: float, *, paired: bool, target: float = TARGET) -> float:
    """Smallest true effect that is found with the target power, in standard deviations.

    Returns:
        The effect; NaN for fewer than two seeds.
    """
    return _smallest(n, lambda effect: power(effect, n, level, paired=paired), target)


def detectable_margin(n: float, level: float, *, paired: bool, target: float = TARGET) -> float:
    """Smallest margin within which equal arms are shown equivalent with the target power."""
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
    """Fewest seeds (per arm) that find `effect` with the target power.

    Args:
        effect: true distance from the boundary in standard deviations, at least 0.
        level: one-sided level.
        paired: whether arms share seeds.
        target: power in (level, 1).

    Returns:
        The number of seeds, or None where it exceeds `MAX_SEEDS`.
    """
    return _fewest(lambda n: power(effect, n, level, paired=paired), target)


def seeds_for_equivalence(
    margin: float,
    level: float,
    *,
    paired: bool,
    true_effect: float = 0.0,
    target: float = TARGET,
) -> int | None:
    """Fewest seeds (per arm) that show a true effect to lie within the margin."""
    return _fewest(
        lambda n: equivalence_power(margin, n, level, paired=paired, true_effect=true_effect),
        target,
    )


def _fewest(reached: Callable[[int], float], target: float) -> int | None:
    """Bisect for the first n whose power reaches the target; power rises with n."""
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
    """Factor that turns a pilot's standard deviation into its upper confidence limit.

    A standard deviation from few seeds is as likely too small as too large; planning with it as
    it stands gives studies that are too small half of the time.

    Args:
        n: seeds of the pilot, at least 2.
        confidence: one-sided confidence.

    Returns:
        The factor: 2.12 at n = 3, 1.56 at 5, 1.29 at 10 for 80 %.
    """
    return math.sqrt((n - 1) / float(scipy.stats.chi2.ppf(1 - confidence, n - 1)))


def detectable_correlation(n: int, level: float, target: float = TARGET) -> float:
    """Smallest rank correlation that `n` trials find with the target power.

    Returns:
        A correlation in (0, 1); NaN for fewer than four trials.
    """
    if n < 4:
        return math.nan

    def surplus(rho: float) -> float:
        return math.atanh(rho) / spearman_error(rho, n) - _z_sum(level, target)

    return float(scipy.optimize.brentq(surplus, 0.0, 1 - 1e-12))


def trials_for_correlation(rho: float, level: float, target: float = TARGET) -> int | None:
    """Fewest trials that find a rank correlation of `rho`, or None beyond `MAX_SEEDS`."""
    rho = min(abs(rho), 0.999)
    if rho == 0:
        return None
    needed = 3 + (1 + rho**2 / 2) * (_z_sum(level, target) / math.atanh(rho)) ** 2
    return math.ceil(needed) if needed <= MAX_SEEDS else None


def _z_sum(level: float, target: float) -> float:
    return float(scipy.stats.norm.isf(level) + scipy.stats.norm.ppf(target))
