"""The best rows: what they share, and how often rows picked at random would share it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array, Mask
from latentlab.search.analysis.columns import Column
from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.search.analysis.significance import corrected
from latentlab.statistics.selection_bias import log_binomial

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
    "p_more",
    "p_fewer",
    "p",
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
    "p",
    "adaptive_share",
)


def top_counts(scores: Array, counts: npt.NDArray[np.int64], share: float) -> Array:
    """How often each row is among the best share of a table in which rows count several times.

    The best `ceil(share * n)` rows are taken, and those that tie with the last of them. Where
    ties would make more than half of all rows elites, the tied ones stay outside: a table whose
    better half is one plateau may have no elites at all.

    Args:
        scores: larger is better, shape [rows].
        counts: how often each row counts, shape [tables, rows].
        share: in (0, 0.5].

    Returns:
        `counts`, 0 where a row is not among the best, shape [tables, rows].
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    first = np.searchsorted(-sorted_scores, -sorted_scores, side="left")
    last = np.searchsorted(-sorted_scores, -sorted_scores, side="right") - 1
    ordered = counts[:, order]
    until = np.cumsum(ordered, axis=1)
    # 0.1 * 30 is a little more than 3.
    wanted = np.maximum(np.ceil(share * until[:, -1] - 1e-9), 1)
    cut = np.argmax(until >= wanted[:, None], axis=1)
    tables = np.arange(len(counts))
    with_ties = until[tables, last[cut]]
    out = with_ties > np.maximum(until[:, -1] / 2, wanted)
    end = np.where(out, first[cut] - 1, last[cut])
    kept = np.where(np.arange(len(scores)) <= end[:, None], ordered, 0)
    restored = np.empty_like(kept)
    restored[:, order] = kept
    return np.asarray(restored, dtype=np.float64)


def elite_rows(scores: Array, share: float) -> Mask:
    """Which rows are the best share; for ties see `top_counts`.

    Args:
        scores: larger is better, shape [rows], at least one row.
        share: in (0, 0.5].
    """
    once = np.ones((1, len(scores)), dtype=np.int64)
    return np.asarray(top_counts(scores, once, share)[0] > 0)


def elite_choices(rows: Observations, settings: AnalysisSettings) -> pd.DataFrame:
    """How often each choice is held by the elites, against all rows that have the parameter.

    Args:
        rows: complete rows.
        settings: the elites' share.

    Returns:
        One row per choice. Among `rows` that have the parameter, `n` hold the choice, and of the
        `elite_rows` that have it, `elites` do. Rows being elite at random, that number is
        hypergeometric: `p_more` is the chance of at least so many, `p_fewer` of at most so many,
        `p` twice the smaller. `holm` corrects over this whole table. An adaptive sampler repeats
        what it found good, elite or not, and the base share moves with it: `adaptive_share` says
        how many of the rows it chose.
    """
    elite = elite_rows(rows.scores, settings.elite_share)
    found: list[dict[str, Any]] = []
    for column in rows.columns.values():
        if not column.choices or not column.exists.any():
            continue
        have = column.exists
        total, drawn = int(have.sum()), int((have & elite).sum())
        for place, choice in enumerate(column.choices):
            held = column.codes == place
            n, elites = int(held.sum()), int((held & elite).sum())
            more, fewer = hypergeometric_p(elites, total, n, drawn)
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
                    "p_more": more,
                    "p_fewer": fewer,
                    "p": min(1.0, 2 * min(more, fewer)) if drawn and 0 < n < total else math.nan,
                    "adaptive_share": float(np.mean(rows.adaptive[have])),
                }
            )
    table = pd.DataFrame(found, columns=list(CHOICE_COLUMNS)).astype({"choice": object})
    return table.assign(holm=corrected(table["p"].to_numpy(dtype=np.float64))[0])


def hypergeometric_p(elites: int, total: int, n: int, drawn: int) -> tuple[float, float]:
    """Chance of at least, and of at most, `elites` of `drawn` rows among `n` of `total`."""
    law = scipy.stats.hypergeom(total, n, drawn)
    return float(law.sf(elites - 1)), float(law.cdf(elites))


def elite_spans(rows: Observations, settings: AnalysisSettings) -> pd.DataFrame:
    """The range that the elites keep to, and how often random rows keep to one as narrow.

    Returns:
        One row per number and ordered choice: bounds and the elites' ends in the parameter's own
        units, `span_share` of the declared range (in logs where searched in logs), `p` as in
        `span_p` and `holm` over this table.
    """
    elite = elite_rows(rows.scores, settings.elite_share)
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
                "p": span_p(column.positions[have], len(mine), float(np.ptp(places))),
                "adaptive_share": float(np.mean(rows.adaptive[have])),
            }
        )
    table = pd.DataFrame(found, columns=list(SPAN_COLUMNS))
    return table.assign(holm=corrected(table["p"].to_numpy(dtype=np.float64))[0])


def span_p(positions: Array, drawn: int, span: float) -> float:
    """Chance that `drawn` of the rows, picked at random, span at most `span`.

    A pick is counted by its lowest row: with row i lowest, the others lie among the rows above it
    that are no farther than `span`.

    Args:
        positions: of all rows, shape [rows].
        drawn: number of rows picked, at least 1.
        span: in the same units.

    Returns:
        The chance; NaN for a pick of one, which spans nothing.
    """
    if drawn < 2 or drawn > len(positions):
        return math.nan
    ascending = np.sort(positions)
    rounding = 1e-12 * max(1.0, float(np.abs(ascending).max()))
    reach = np.searchsorted(ascending, ascending + span + rounding, side="right")
    above = reach - np.arange(len(ascending)) - 1
    picks = log_binomial(above[above >= drawn - 1], drawn - 1)
    return float(
        np.exp(picks - log_binomial(np.array([len(ascending)]), drawn)[0]).sum().clip(0, 1)
    )


def _declared(column: Column) -> tuple[float, float]:
    if column.choices:
        return float(column.choices[0]), float(column.choices[-1])
    low, high = column.ends
    return (math.exp(low), math.exp(high)) if column.log else (low, high)
