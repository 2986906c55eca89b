"""Empirical ranges: what was tried of each parameter, and what the best rows used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.arrays import Mask
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix

COLUMNS = (
    "parameter",
    "kind",
    "scale",
    "rows",
    "low",
    "high",
    "observed_low",
    "observed_high",
    "elite_low",
    "elite_high",
    "choices",
    "observed_choices",
    "elite_choices",
)


def empirical_ranges(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """Declared, observed and elite range of each parameter.

    Returns:
        One row per parameter. Numbers and ordered choices have ends; choices are lists, in the
        declared order, of those that occur.
    """
    elite = rows.elites(settings.elite_share)
    every = np.ones_like(elite)
    found = []
    for column in rows.columns.values():
        row: dict[str, Any] = {
            "parameter": column.name,
            "kind": column.kind,
            "scale": "log" if column.log else "linear" if not column.choices else "choices",
            "rows": int(column.exists.sum()),
        }
        if column.has_direction:
            declared = column.choices or (_bound(column, "low"), _bound(column, "high"))
            row |= {"low": float(declared[0]), "high": float(declared[-1])}
            row |= _ends(column, every, "observed") | _ends(column, elite, "elite")
        if column.choices:
            row |= {"choices": list(column.choices)}
            row |= {"observed_choices": _used(column, every), "elite_choices": _used(column, elite)}
        found.append(row)
    return pd.DataFrame(found, columns=list(COLUMNS))


def _bound(column: Column, end: str) -> float:
    return float(getattr(column.parameter, end))


def _ends(column: Column, among: Mask, prefix: str) -> dict[str, float]:
    values = column.values[column.exists & among]
    if not len(values):
        return {}
    return {f"{prefix}_low": float(values.min()), f"{prefix}_high": float(values.max())}


def _used(column: Column, among: Mask) -> list[Any]:
    codes = np.unique(column.codes[column.exists & among])
    return [column.choices[code] for code in codes]
