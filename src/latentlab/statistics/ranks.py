"""Ranks of rows with gaps, and the elites among them: many sweeps at once."""

from __future__ import annotations

import numpy as np
import scipy.stats

from latentlab.core.arrays import Array, Mask


def midranks(values: Array) -> Array:
    """Ranks from 1 within each sweep, ties sharing their mean rank.

    Args:
        values: NaN where there is none, [sweeps, n].

    Returns:
        Ranks, NaN where there is no value, [sweeps, n].
    """
    missing = np.isnan(values)
    # Infinite values rank behind all others, so that they change no other rank.
    ranks = scipy.stats.rankdata(np.where(missing, np.inf, values), axis=1)
    return np.where(missing, np.nan, ranks)


def normal_scores(values: Array) -> Array:
    """Ranks turned into quantiles of a normal distribution, by Blom's formula.

    A test of them is distribution-free like one of the ranks, and loses less where a group stands
    far from all others (van der Waerden 1952).

    Args:
        values: NaN where there is none, [sweeps, n].

    Returns:
        [sweeps, n].
    """
    rows = (~np.isnan(values)).sum(axis=1, keepdims=True)
    return np.asarray(scipy.stats.norm.ppf((midranks(values) - 0.375) / (rows + 0.25)))


def best_rows(scores: Array, share: float) -> Mask:
    """The best rows of each sweep.

    The best `ceil(share * rows)` of the rows that have a score. Rows that tie with the last of
    them belong to them too, unless that makes more than half of all rows elites; then the tied
    ones stay outside, and a sweep whose better half is one plateau has no elites.

    Args:
        scores: larger is better, NaN where a row does not count, [sweeps, n].
        share: of the rows, in (0, 0.5].

    Returns:
        [sweeps, n].
    """
    there = ~np.isnan(scores)
    rows = there.sum(axis=1)
    if scores.shape[1] == 0:
        return there
    # 0.1 * 30 is a little more than 3.
    wanted = np.maximum(np.ceil(share * rows - 1e-9).astype(int), 1)
    falling = -np.sort(np.where(there, -scores, np.inf), axis=1)
    last = np.take_along_axis(falling, (wanted - 1)[:, None], axis=1)
    with_ties = scores >= last
    fits = with_ties.sum(axis=1) <= np.maximum(rows / 2, wanted)
    return np.where(fits[:, None], with_ties, scores > last)
