"""How large a difference is, in standard deviations or as a share of pairs.

Raw units come first in every report; these serve comparison between metrics and planning.
"""

from __future__ import annotations

import math

import numpy as np

from latentlab.core.arrays import Array


def d_z(differences: Array) -> float:
    """Mean of paired differences over their standard deviation (Lakens 2017).

    Args:
        differences: shape [n], n >= 2.

    Returns:
        The ratio; NaN where the differences have no spread.
    """
    return _ratio(float(np.mean(differences)), float(np.std(differences, ddof=1)))


def d_av(treatment: Array, control: Array) -> float:
    """Difference of means over the average of the two standard deviations.

    Unlike `d_z` it does not grow with the correlation between paired arms.

    Args:
        treatment: shape [n], n >= 2.
        control: shape [m], m >= 2.
    """
    spread = (float(np.std(treatment, ddof=1)) + float(np.std(control, ddof=1))) / 2
    return _ratio(float(np.mean(treatment) - np.mean(control)), spread)


def hedges_g(treatment: Array, control: Array) -> float:
    """Cohen's d with the pooled standard deviation, freed of its small-sample bias.

    The correction is the exact one, gamma(v/2) / (sqrt(v/2) gamma((v-1)/2)) with
    v = n + m - 2 degrees of freedom, not its approximation 1 - 3 / (4 v - 1).

    Args:
        treatment: shape [n].
        control: shape [m], n + m >= 4.
    """
    freedom = len(treatment) + len(control) - 2
    d = _ratio(float(np.mean(treatment) - np.mean(control)), pooled_sd(treatment, control))
    log_correction = math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)
    return d * math.exp(log_correction) / math.sqrt(freedom / 2)


def pooled_sd(treatment: Array, control: Array) -> float:
    """Standard deviation within arms, weighted by degrees of freedom."""
    sums = sum(float(np.sum((arm - np.mean(arm)) ** 2)) for arm in (treatment, control))
    return math.sqrt(sums / (len(treatment) + len(control) - 2))


def probability_of_superiority(treatment: Array, control: Array) -> float:
    """P(A > B): share of pairs in which the treatment is above the control, ties counting half.

    Args:
        treatment: shape [n].
        control: shape [m].

    Returns:
        A share in [0, 1] (Bouthillier 2021 asks for at least .75).
    """
    difference = treatment[:, None] - control[None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def cliffs_delta(treatment: Array, control: Array) -> float:
    """P(A > B) - P(A < B), in [-1, 1]."""
    return 2 * probability_of_superiority(treatment, control) - 1


def _ratio(difference: float, spread: float) -> float:
    # A spread that is rounding alone is none.
    return difference / spread if spread > 1e-12 * abs(difference) else math.nan
