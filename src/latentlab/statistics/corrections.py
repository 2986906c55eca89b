"""Adjusting the p-values of a family of hypotheses that are tested together."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy

from latentlab.core.arrays import Array

Correction = Literal["holm", "fdr_bh", "bonferroni", "none"]


def adjust(p: Array, correction: Correction) -> Array:
    """Return adjusted p-values: a hypothesis is rejected where its own is at most alpha.

    The results are those of `statsmodels.stats.multitest.multipletests` (a test compares them),
    which takes one family per call; this takes any number of families at once.

    Args:
        p: p-values in [0, 1], shape [..., members of the family].
        correction: "holm" (Holm 1979) and "bonferroni" bound the chance of any false rejection,
            "fdr_bh" (Benjamini & Hochberg 1995) the expected share of false ones.

    Returns:
        Adjusted p-values of the same shape, never below `p`.

    Example:
        >>> adjust(np.array([0.01, 0.04, 0.03]), "holm").round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    members = p.shape[-1]
    if correction == "none" or members == 1:
        return np.array(p)
    if correction == "bonferroni":
        return np.asarray(np.minimum(p * members, 1.0))
    if correction == "fdr_bh":
        return np.asarray(scipy.stats.false_discovery_control(p, axis=-1, method="bh"))
    # Holm: the k-th smallest of m is multiplied by m - k + 1, and no adjusted p may be below
    # that of a smaller one.
    order = np.argsort(p, axis=-1)
    ascending = np.take_along_axis(p, order, axis=-1) * np.arange(members, 0, -1)
    stepped = np.minimum(np.maximum.accumulate(ascending, axis=-1), 1.0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, stepped, axis=-1)
    return adjusted


def level_left(alpha: float, correction: Correction, members: int) -> float:
    """Return the level that a family leaves to a member before anything else is known.

    Holm and Bonferroni ask the first rejection for alpha / m. Benjamini and Hochberg's threshold
    reaches alpha where every member is rejected, so only a p above alpha is out of reach.

    Args:
        alpha: level of the family.
        correction: how the family is corrected.
        members: number of hypotheses in the family.

    Example:
        >>> level_left(0.05, "holm", 4)
        0.0125
    """
    return alpha / members if correction in ("holm", "bonferroni") else alpha
