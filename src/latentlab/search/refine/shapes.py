"""Which way a parameter that is significant is better: up, down, or in the middle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from latentlab.search.refine.rules import Rules
from latentlab.search.refine.tested_parameter import TestedParameter
from latentlab.statistics.ranks import normal_scores

_FALLING = -1.645
"""Slope at a bound, in standard errors, below which the best lies before the bound."""


@dataclass(frozen=True)
class Shape:
    """Direction of an effect.

    Attributes:
        kind: `increase`, `decrease`, `interior`, or `unclear`.
        p_line: of the straight line, two-sided, against null replicates.
        p_peak: of the parabola beside it, against null replicates.
    """

    kind: Literal["increase", "decrease", "interior", "unclear"]
    p_line: float
    p_peak: float


def shape_of(tested: TestedParameter, rules: Rules) -> Shape:
    """Direction of an effect of a significant parameter.

    Larger is better where the straight line rises and the fitted parabola does not fall at the
    high bound; likewise downwards. Else the middle is best, if the parabola says so.

    Args:
        tested: the parameter.
        rules: of the mode.
    """
    test = tested.test
    line, peak = test.statistics.line, test.statistics.peak
    p_line = test.share_at_least(np.abs(line), abs(float(line[0])))
    p_peak = test.share_at_least(peak, float(peak[0]))
    rises = float(line[0]) > 0
    if p_line <= rules.within:
        slope = _slope_at(1.0 if rises else 0.0, tested)
        if (slope if rises else -slope) >= _FALLING:
            return Shape("increase" if rises else "decrease", p_line, p_peak)
        return Shape("interior", p_line, p_peak)
    return Shape("interior" if p_peak <= rules.within else "unclear", p_line, p_peak)


def _slope_at(end: float, tested: TestedParameter) -> float:
    """Slope of the fitted parabola at an end of the scale, in standard errors; 0 if undefined."""
    positions = tested.positions[tested.exists]
    x = positions / max(float(positions.max()), 1.0)
    y = normal_scores(tested.scores[tested.exists][None])[0]
    design = np.stack([np.ones_like(x), x, x**2], axis=1)
    freedom = len(x) - 3
    if freedom < 1 or np.linalg.matrix_rank(design) < 3:
        return 0.0
    inverse = np.linalg.inv(design.T @ design)
    weights = inverse @ design.T @ y
    variance = float(((y - design @ weights) ** 2).sum()) / freedom
    contrast = np.array([0.0, 1.0, 2.0 * end])
    error = math.sqrt(max(variance * float(contrast @ inverse @ contrast), 1e-300))
    return float(contrast @ weights) / error
