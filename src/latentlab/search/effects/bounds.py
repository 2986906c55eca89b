"""Elites at a bound of the space: how many there are, and how many noise would put there."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Mask
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix
from latentlab.search.parameters import IntParameter
from latentlab.search.screening import Screening

Side = Literal["low", "high"]

_ROUNDING = 1 + 1e-9
"""What lies at a zone's edge is in it."""

COLUMNS = (
    "parameter",
    "side",
    "bound",
    "zone_low",
    "zone_high",
    "rows",
    "rows_near",
    "elite_rows",
    "elites_near",
    "share",
    "chance_uniform",
    "chance",
    "chance_from",
)


def bounds(rows: SweepMatrix, settings: AnalysisSettings, screening: Screening) -> pd.DataFrame:
    """The share of elites near each bound of each number, and its chance.

    Near is within `settings.zone` of the declared range, in logs where it is searched in logs; of
    ordered choices it is the place that counts.

    Args:
        rows: complete rows.
        settings: the elites' share, the zone.
        screening: of the sweep: how often its null replicates have elites at a bound.

    Returns:
        Two rows per parameter. `chance_uniform` is the chance that a uniform draw lies in the
        zone. `chance` is what `share` stands beside, and `chance_from` says which: the share of
        all rows (`rows`), or, where the sampler adapts and visits a bound more or less often by
        itself, that of the elites of the sampler on noise (`sampler on noise`).
    """
    elite = rows.elites(settings.elite_share)
    found = [
        _boundary(column, side, rows, elite, settings.zone, screening)
        for column in rows.columns.values()
        if column.has_direction and column.exists.any() and column.ends[1] > column.ends[0]
        for side in ("low", "high")
    ]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _boundary(
    column: Column,
    side: Side,
    rows: SweepMatrix,
    elite: Mask,
    zone: float,
    screening: Screening,
) -> dict[str, Any]:
    have = column.exists
    near = near_bound(column, side, zone)
    total, rows_near = int(have.sum()), int(near.sum())
    drawn, elites_near = int((have & elite).sum()), int((near & elite).sum())
    share = elites_near / drawn if drawn else math.nan
    chance, source = rows_near / total, "rows"
    if rows.adaptive[have].any():
        chance, source = _share_on_noise(column, side, zone, screening), "sampler on noise"
    edges = _zone(column, side, zone)
    return {
        "parameter": column.name,
        "side": side,
        "bound": edges[0] if side == "low" else edges[1],
        "zone_low": edges[0],
        "zone_high": edges[1],
        "rows": total,
        "rows_near": rows_near,
        "elite_rows": drawn,
        "elites_near": elites_near,
        "share": share,
        "chance_uniform": uniform_chance(column, side, zone),
        "chance": chance,
        "chance_from": source,
    }


def _share_on_noise(column: Column, side: Side, zone: float, screening: Screening) -> float:
    """Mean share of the null replicates' elites near a bound."""
    shares = screening.tests[column.name].statistics.elite_shares[1:]
    if column.choices:
        places = np.arange(len(column.choices), dtype=np.float64)
        near = shares[:, _within(places, *column.ends, side, zone)].sum(axis=1)
    else:
        near = shares[:, 0 if side == "low" else 1]
    # A replicate whose elites all lack the parameter says nothing.
    near = near[np.isfinite(near)]
    return float(near.mean()) if len(near) else math.nan


def near_bound(column: Column, side: Side, zone: float) -> Mask:
    """Which rows lie within the zone of a bound, [rows]; a missing value does not."""
    low, high = column.ends
    return _within(column.positions, low, high, side, zone)


def uniform_chance(column: Column, side: Side, zone: float) -> float:
    """Chance that one draw of a sampler that is uniform over the space lies in the zone.

    Whole numbers and steps can make it much more than the zone's share: of depth 2 to 6 a fifth
    of all draws are at each bound. A whole number on a log scale has the probability of the
    interval half a unit around it.
    """
    parameter = column.parameter
    low, high = column.ends
    reach = zone * (high - low) * _ROUNDING
    if isinstance(parameter, IntParameter) and parameter.log:
        ends = math.log(parameter.low - 0.5), math.log(parameter.high + 0.5)
        if side == "low":
            covered = math.log(math.floor(math.exp(low + reach)) + 0.5) - ends[0]
        else:
            covered = ends[1] - math.log(math.ceil(math.exp(high - reach)) - 0.5)
        return covered / (ends[1] - ends[0])
    step = 1.0 if column.choices else getattr(parameter, "step", None)
    if step is None:
        return zone
    count = math.floor((high - low) / step * _ROUNDING) + 1
    # The last multiple of a step may lie below the bound.
    missed = 0.0 if side == "low" else high - low - (count - 1) * step
    return max(0, math.floor((reach - missed) / step) + 1) / count


def _within(places: Array, low: float, high: float, side: Side, zone: float) -> Mask:
    reach = zone * (high - low) * _ROUNDING
    distance = places - low if side == "low" else high - places
    with np.errstate(invalid="ignore"):
        return np.asarray(distance <= reach)


def _zone(column: Column, side: Side, zone: float) -> tuple[float, float]:
    """The zone in the parameter's own units, bound included."""
    low, high = column.ends
    reach = zone * (high - low)
    ends = (low, low + reach) if side == "low" else (high - reach, high)
    if column.choices:
        places = (math.ceil(ends[0] - 1e-9), math.floor(ends[1] + 1e-9))
        return float(column.choices[places[0]]), float(column.choices[places[1]])
    return (math.exp(ends[0]), math.exp(ends[1])) if column.log else ends
