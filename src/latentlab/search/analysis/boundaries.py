"""Elites at a bound of the space: how many there are, and how many chance would put there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Mask
from latentlab.search.analysis.columns import Column
from latentlab.search.analysis.elites import elite_rows, hypergeometric_p
from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.search.analysis.significance import corrected
from latentlab.search.parameters import IntParameter

Side = Literal["low", "high"]

_ROUNDING = 1 + 1e-9
"""What lies at a zone's edge is in it."""

NullShares = Mapping[tuple[str, Side], Array]
"""Shares of the elites near each bound of each parameter in sweeps of the same sampler, space and
length on values that are pure noise, [sweeps]; see `noise.null_shares`."""

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
    "p",
)


def boundaries(
    rows: Observations, settings: AnalysisSettings, null_shares: NullShares | None = None
) -> pd.DataFrame:
    """The share of elites near each bound of each number, and its chance.

    Near is within `settings.zone` of the declared range, in logs where it is searched in logs; of
    ordered choices it is the place that counts.

    Args:
        rows: complete rows.
        settings: the elites' share, the zone.
        null_shares: for a sampler that adapts, which visits a bound more or less often by itself.

    Returns:
        Two rows per parameter. `chance_uniform` is the chance that a uniform draw lies in the
        zone. `chance` is what `p` compares with, and `chance_from` says which: the share of all
        rows (`rows`; `p` is hypergeometric), that of the sampler on noise (`sampler on noise`;
        `p` counts the simulated sweeps that reach the share), or nothing (`unknown`), where the
        sampler adapts and no simulation was given. `holm` corrects over this table.
    """
    elite = elite_rows(rows.scores, settings.elite_share)
    found = [
        _boundary(column, side, rows, elite, settings.zone, null_shares)
        for column in rows.columns.values()
        if column.has_direction and column.exists.any() and column.ends[1] > column.ends[0]
        for side in ("low", "high")
    ]
    table = pd.DataFrame(found, columns=list(COLUMNS))
    return table.assign(holm=corrected(table["p"].to_numpy(dtype=np.float64))[0])


def _boundary(
    column: Column,
    side: Side,
    rows: Observations,
    elite: Mask,
    zone: float,
    null_shares: NullShares | None,
) -> dict[str, Any]:
    have = column.exists
    near = near_bound(column, side, zone)
    total, rows_near = int(have.sum()), int(near.sum())
    drawn, elites_near = int((have & elite).sum()), int((near & elite).sum())
    share = elites_near / drawn if drawn else math.nan
    chance, source, p = math.nan, "unknown", math.nan
    if null_shares is not None:
        simulated = null_shares[column.name, side]
        # A sweep whose elites all lack the parameter says nothing.
        simulated = simulated[np.isfinite(simulated)]
        chance, source = float(np.mean(simulated)), "sampler on noise"
        reached = np.count_nonzero(simulated >= share - 1e-12)
        p = (1 + reached) / (1 + len(simulated)) if drawn else math.nan
    elif not rows.adaptive[have].any():
        chance, source = rows_near / total, "rows"
        p = hypergeometric_p(elites_near, total, rows_near, drawn)[0] if drawn else math.nan
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
        "p": p,
    }


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
