"""Which way a parameter with an open gate is better: up, down, or in the middle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from latentlab.core.arrays import Array
from latentlab.search.refinement.gates import Gate
from latentlab.search.refinement.ranks import normal_scores
from latentlab.search.refinement.rules import Rules

_FALLING = -1.645
"""Slope at a bound, in standard errors, below which the best lies before the bound."""


@dataclass(frozen=True)
class Shape:
    """Direction of an effect.

    Attributes:
        kind: `increase`, `decrease`, `interior`, or `unclear`.
        p_line: of the straight line, two-sided, against studies of noise.
        p_peak: of the parabola beside it, against studies of noise.
    """

    kind: Literal["increase", "decrease", "interior", "unclear"]
    p_line: float
    p_peak: float


def shape_of(gate: Gate, positions: Array, scores: Array, rules: Rules) -> Shape:
    """Direction of an effect behind an open gate.

    Larger is better where the straight line rises and the fitted parabola does not fall at the
    high bound; likewise downwards. Else the middle is best, if the parabola says so.

    Args:
        gate: of the parameter.
        positions: in the sweep, NaN where it does not exist, [n].
        scores: larger is better, [n].
        rules: of the mode.
    """
    line, peak = gate.measured.line, gate.measured.peak
    p_line = gate.share_at_least(np.abs(line), abs(float(line[0])))
    p_peak = gate.share_at_least(peak, float(peak[0]))
    rises = float(line[0]) > 0
    if p_line <= rules.within:
        slope = _slope_at(1.0 if rises else 0.0, positions, scores)
        if (slope if rises else -slope) >= _FALLING:
            return Shape("increase" if rises else "decrease", p_line, p_peak)
        return Shape("interior", p_line, p_peak)
    return Shape("interior" if p_peak <= rules.within else "unclear", p_line, p_peak)


def _slope_at(end: float, positions: Array, scores: Array) -> float:
    """Slope of the fitted parabola at an end of the scale, in standard errors; 0 if undefined."""
    there = ~np.isnan(positions)
    x = positions[there] / max(float(positions[there].max()), 1.0)
    y = normal_scores(scores[there][None])[0]
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
