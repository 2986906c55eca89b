"""The best rows: what they share, and what as many rows picked at random would share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix
from latentlab.statistics.ranks import best_rows

CHOICE_COLUMNS = (
    "parameter",
    "choice",
    "rows",
    "n",
    "base_share",
    "elite_rows",
    "elites",
    "elite_share",
    "expected",
    "adaptive_share",
)
SPAN_COLUMNS = (
    "parameter",
    "rows",
    "elite_rows",
    "low",
    "high",
    "elite_low",
    "elite_high",
    "span_share",
    "adaptive_share",
)


def elite_counts(scores: Array, counts: npt.NDArray[np.int64], share: float) -> Array:
    """How often each row is among the best share of a table in which rows count several times.

    Args:
        scores: larger is better, shape [rows].
        counts: how often each row counts, as many rows in all tables, shape [tables, rows].
        share: in (0, 0.5].

    Returns:
        `counts`, 0 where a row is not among the best, shape [tables, rows].
    """
    tables, rows = counts.shape
    drawn = np.repeat(np.tile(np.arange(rows), tables), counts.ravel()).reshape(tables, -1)
    best = best_rows(scores[drawn], share)
    cells = (drawn + rows * np.arange(tables)[:, None])[best]
    return np.bincount(cells, minlength=counts.size).reshape(counts.shape).astype(np.float64)


def elite_choices(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """How often each choice is held by the elites, against all rows that have the parameter.

    Args:
        rows: complete rows.
        settings: the elites' share.

    Returns:
        One row per choice. Among `rows` that have the parameter, `n` hold the choice, and of the
        `elite_rows` that have it, `elites` do; `expected` is how many of as many rows picked at
        random would. An adaptive sampler repeats what it found good, elite or not, and the base
        share moves with it: `adaptive_share` says how many of the rows it chose.
    """
    elite = rows.elites(settings.elite_share)
    found: list[dict[str, Any]] = []
    for column in rows.columns.values():
        if not column.choices or not column.exists.any():
            continue
        have = column.exists
        total, drawn = int(have.sum()), int((have & elite).sum())
        for place, choice in enumerate(column.choices):
            held = column.codes == place
            n, elites = int(held.sum()), int((held & elite).sum())
            found.append(
                {
                    "parameter": column.name,
                    "choice": choice,
                    "rows": total,
                    "n": n,
                    "base_share": n / total,
                    "elite_rows": drawn,
                    "elites": elites,
                    "elite_share": elites / drawn if drawn else math.nan,
                    "expected": drawn * n / total,
                    "adaptive_share": float(np.mean(rows.adaptive[have])),
                }
            )
    return pd.DataFrame(found, columns=list(CHOICE_COLUMNS)).astype({"choice": object})


def elite_spans(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """The range that the elites keep to.

    Returns:
        One row per number and ordered choice: bounds and the elites' ends in the parameter's own
        units, and `span_share` of the declared range (in logs where searched in logs).
    """
    elite = rows.elites(settings.elite_share)
    found: list[dict[str, Any]] = []
    for column in rows.columns.values():
        if not column.has_direction or not (column.exists & elite).any():
            continue
        have = column.exists
        mine = column.values[have & elite]
        places = column.positions[have & elite]
        low, high = column.ends
        found.append(
            {
                "parameter": column.name,
                "rows": int(have.sum()),
                "elite_rows": len(mine),
                "low": _declared(column)[0],
                "high": _declared(column)[1],
                "elite_low": float(mine.min()),
                "elite_high": float(mine.max()),
                "span_share": float(np.ptp(places)) / (high - low) if high > low else math.nan,
                "adaptive_share": float(np.mean(rows.adaptive[have])),
            }
        )
    return pd.DataFrame(found, columns=list(SPAN_COLUMNS))


def _declared(column: Column) -> tuple[float, float]:
    if column.choices:
        return float(column.choices[0]), float(column.choices[-1])
    low, high = column.ends
    return (math.exp(low), math.exp(high)) if column.log else (low, high)
