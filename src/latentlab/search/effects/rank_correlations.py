"""Which way each number acts: Spearman's rho over the rows that have the parameter."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import trend
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix
from latentlab.statistics.association import spearman_within_blocks
from latentlab.statistics.intervals import spearman_interval
from latentlab.statistics.power import detectable_correlation

# A single two-sided test at .05.
_ONE_SIDED = 0.025
_ENUMERATED = 8
"""Rows up to which all orders are gone through."""

COLUMNS = (
    "parameter",
    "kind",
    "n",
    "conditional",
    "rho",
    "low",
    "high",
    "trend",
    "detectable_rho",
    "least_p",
    "n_adaptive",
    "n_not_adaptive",
    "rho_not_adaptive",
)


def rank_correlations(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """Rank correlation of every number, and of every choice of ordered numbers.

    Args:
        rows: complete rows.
        settings: level of the interval.

    Returns:
        One row per parameter, by the evidence against no association: a rho over few rows is large
        by chance, so that it is not ranked by its size beside one over many.

        * `n`: rows that have the parameter; `conditional` where these are not all rows.
        * `rho`: with the objective as recorded; `trend` says in words which way is better.
        * `low`, `high`: on Fisher's z scale with the variance of Bonett and Wright (2000).
        * `detectable_rho`: what these rows find with 80 % power at .05, uncorrected.
        * `least_p`: the smallest two-sided p that these values could have had in any order, by
          enumeration; missing above 8 rows, where it is too small to matter.
        * `n_adaptive`: rows that the sampler asked for because of earlier values.
          `rho_not_adaptive` is over the others, where there are both.
    """
    directed = [column for column in rows.columns.values() if column.has_direction]
    found = [_rank_correlation(column, rows, settings) for column in directed]
    table = pd.DataFrame(found, columns=list(COLUMNS))
    chance = [_two_sided_p(c.values[c.exists], rows.values[c.exists]) for c in directed]
    ranked = table.assign(chance=chance, size=-table["rho"].abs())
    order = ranked.sort_values(["chance", "size"], kind="stable", na_position="last").index
    return table.loc[order].reset_index(drop=True)


def _rank_correlation(
    column: Column, rows: SweepMatrix, settings: AnalysisSettings
) -> dict[str, Any]:
    here = column.exists
    x, y, adaptive = column.values[here], rows.values[here], rows.adaptive[here]
    n = len(x)
    rho = _spearman(x, y)
    low, high = spearman_interval(rho, n, settings.level)
    apart = 0 < np.count_nonzero(adaptive) < n
    return {
        "parameter": column.name,
        "kind": column.kind,
        "n": n,
        "conditional": column.conditional,
        "rho": rho,
        "low": low,
        "high": high,
        "trend": trend(rho, rows.objective.sign),
        "detectable_rho": _detectable(n),
        "least_p": _two_sided_p(np.sort(x), np.sort(y)) if n <= _ENUMERATED else math.nan,
        "n_adaptive": int(np.count_nonzero(adaptive)),
        "n_not_adaptive": int(np.count_nonzero(~adaptive)),
        "rho_not_adaptive": _spearman(x[~adaptive], y[~adaptive]) if apart else math.nan,
    }


@functools.cache
def _detectable(n: int) -> float:
    return detectable_correlation(n, _ONE_SIDED)


def _spearman(x: Array, y: Array) -> float:
    """Spearman's rho; NaN for under three rows or a constant column."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(scipy.stats.spearmanr(x, y).statistic)


def _two_sided_p(x: Array, y: Array) -> float:
    """P-value of Spearman's rho: by enumeration of all orders of few rows, else by Student's t."""
    if math.isnan(_spearman(x, y)):
        return math.nan
    if len(x) > _ENUMERATED:
        return float(scipy.stats.spearmanr(x, y).pvalue)
    test = spearman_within_blocks(x, y, np.zeros(len(x), dtype=np.int64))
    return min(1.0, 2 * min(test.p_positive, test.p_negative))
