"""How large a difference is, in standard deviations.

Raw units come first in every report; these serve comparison between metrics and planning.
"""

from __future__ import annotations

import math

import numpy as np

from latentlab.core.arrays import Array


def d_z(differences: Array) -> float:
    """Return the mean of paired differences over their standard deviation (Lakens 2017).

    Args:
        differences: shape [n], n >= 2.

    Returns:
        The ratio; NaN where the differences have no spread.

    Example:
        >>> d_z(np.array([1.0, 2.0, 3.0]))
        2.0
    """
    return _ratio(float(np.mean(differences)), float(np.std(differences, ddof=1)))


def hedges_g(treatment: Array, control: Array) -> float:
    """Return Cohen's d with the pooled standard deviation, freed of its small-sample bias.

    The correction is the exact one, gamma(v/2) / (sqrt(v/2) gamma((v-1)/2)) with
    v = n + m - 2 degrees of freedom, not its approximation 1 - 3 / (4 v - 1).

    Args:
        treatment: shape [n].
        control: shape [m], n + m >= 4.

    Example:
        >>> round(hedges_g(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])), 3)
        0.798
    """
    freedom = len(treatment) + len(control) - 2
    d = _ratio(float(np.mean(treatment) - np.mean(control)), pooled_sd(treatment, control))
    log_correction = math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)
    return d * math.exp(log_correction) / math.sqrt(freedom / 2)


def pooled_sd(treatment: Array, control: Array) -> float:
    """Return the standard deviation within arms, weighted by degrees of freedom.

    Example:
        >>> pooled_sd(np.array([1.0, 2.0, 3.0]), np.array([10.0, 11.0, 12.0]))
        1.0
    """
    sums = sum(float(np.sum((arm - np.mean(arm)) ** 2)) for arm in (treatment, control))
    return math.sqrt(sums / (len(treatment) + len(control) - 2))


def _ratio(difference: float, spread: float) -> float:
    # A spread that is rounding alone is none.
    return difference / spread if spread > 1e-12 * abs(difference) else math.nan
