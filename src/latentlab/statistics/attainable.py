"""The smallest p-value that a test can give at all, before any data are seen.

An exact test with few seeds has few possible p-values. Five paired seeds have 2**5 = 32 equally
likely sign patterns, so no data whatever gives a one-sided p below 1/32 = .031.
"""

from __future__ import annotations

import math
from typing import Literal

LocationTest = Literal[
    "paired_t", "sign_flip", "wilcoxon", "welch_t", "mann_whitney", "permutation"
]
PAIRED_TESTS: tuple[LocationTest, ...] = ("paired_t", "sign_flip", "wilcoxon")
UNPAIRED_TESTS: tuple[LocationTest, ...] = ("welch_t", "mann_whitney", "permutation")

# Up to this many rearrangements are all visited; beyond it a fixed number is drawn.
MAX_ENUMERATED = 2**16
RESAMPLES = 9_999


def arrangements(test: LocationTest, treatment: int, control: int) -> int | None:
    """Count the equally likely arrangements of the data under the null hypothesis.

    Args:
        test: the test of location.
        treatment: number of scores in the treatment arm.
        control: number of scores in the control arm (equal to `treatment` for paired tests).

    Returns:
        The count, or None for a test whose null distribution is continuous.

    Example:
        >>> arrangements("sign_flip", 5, 5), arrangements("mann_whitney", 3, 3)
        (32, 20)
    """
    if test in ("sign_flip", "wilcoxon"):
        return int(2**treatment)
    if test in ("mann_whitney", "permutation"):
        return math.comb(treatment + control, treatment)
    return None


def smallest_p(test: LocationTest, treatment: int, control: int) -> float:
    """Return the smallest one-sided p-value that `test` can give; two sides have twice that.

    Args:
        test: the test of location.
        treatment: number of scores in the treatment arm.
        control: number of scores in the control arm.

    Returns:
        A value in [0, 1]; 1 where there are too few scores for the test to exist.

    Example:
        >>> smallest_p("wilcoxon", 5, 5), smallest_p("paired_t", 5, 5)
        (0.03125, 0.0)
    """
    if min(treatment, control) < 1:
        return 1.0
    count = arrangements(test, treatment, control)
    if count is None:
        return 0.0 if min(treatment, control) >= 2 else 1.0
    if test in ("sign_flip", "permutation"):
        return smallest_permutation_p(count)
    return 1 / count


def smallest_permutation_p(count: int) -> float:
    """Return the smallest one-sided p-value of a permutation test with `count` arrangements.

    A sampled test counts the observed arrangement among its draws, so it cannot fall below
    1 / (draws + 1) however many arrangements there are.

    Example:
        >>> smallest_permutation_p(20), smallest_permutation_p(10**9)
        (0.05, 0.0001)
    """
    return 1 / count if count <= MAX_ENUMERATED else 1 / (RESAMPLES + 1)


def seeds_for_attainable(test: LocationTest, level: float) -> int | None:
    """Return the fewest seeds per arm at which a one-sided p of `level` is attainable.

    Args:
        test: the test of location.
        level: the one-sided level that the correction leaves, in (0, 1).

    Returns:
        The number, or None where a sampled test stays above `level` whatever the number.

    Example:
        >>> seeds_for_attainable("sign_flip", 0.025)
        6
    """
    # Fifty pairs have 2**50 arrangements: where they do not suffice, the sampling is the limit.
    return next((n for n in range(2, 51) if smallest_p(test, n, n) <= level), None)
