"""How much of the space was seen: cells of each parameter, and of the whole space."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.arrays import Codes
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix
from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Parameter,
)
from latentlab.search.space import Space

_ROUNDING = 1e-9

COVERAGE_COLUMNS = ("parameter", "kind", "scale", "rows", "cells", "covered", "share")
SIZE_COLUMNS = (
    "parameters",
    "conditional_parameters",
    "regimes",
    "log10_cells",
    "cells_visited",
    "share_visited",
)


def coverage(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """How many cells of each parameter hold a complete row.

    Returns:
        One row per parameter. A choice is a cell, a whole number or a step too where there are at
        most `settings.bins` of them; other ranges are cut into so many cells of equal width, in
        logs where they are searched in logs (`scale`).
    """
    found = []
    for column in rows.columns.values():
        cells = cell_count(column.parameter, settings.bins)
        covered = len(np.unique(coverage_cells(column, settings.bins)[column.exists]))
        found.append(
            {
                "parameter": column.name,
                "kind": column.kind,
                "scale": "log" if column.log else "linear" if not column.choices else "choices",
                "rows": int(column.exists.sum()),
                "cells": cells,
                "covered": covered,
                "share": covered / cells,
            }
        )
    return pd.DataFrame(found, columns=list(COVERAGE_COLUMNS))


def space_size(space: Space, rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """How many cells the whole space has, conditions respected, and how many were visited.

    Returns:
        One row. `regimes` is the number of different sets of values of the parameters on which
        others depend. A configuration has a cell in each parameter that exists in it.
    """
    regimes = list(_regimes(space))
    cells = sum(
        math.prod(cell_count(space.parameters[name], settings.bins) for name in free)
        for free in regimes
    )
    codes = pd.DataFrame(
        {name: coverage_cells(c, settings.bins) for name, c in rows.columns.items()}
    )
    visited = len(codes.drop_duplicates())
    row: dict[str, Any] = {
        "parameters": len(space.parameters),
        "conditional_parameters": sum(bool(p.when) for p in space.parameters.values()),
        "regimes": len(regimes),
        "log10_cells": math.log10(cells),
        "cells_visited": visited,
        "share_visited": visited / cells,
    }
    return pd.DataFrame([row], columns=list(SIZE_COLUMNS))


def cell_count(parameter: Parameter, bins: int) -> int:
    """Cells of a parameter; see `coverage`."""
    if isinstance(parameter, CategoricalParameter):
        return len(parameter.choices)
    values = parameter.size()
    if values is None:
        return bins
    if values > bins and parameter.log:
        return len(_reachable(parameter, bins))
    return min(bins, values)


def coverage_cells(column: Column, bins: int) -> Codes:
    """The cell of each row, -1 where the row does not have the parameter, [rows]."""
    parameter = column.parameter
    if isinstance(parameter, CategoricalParameter):
        return column.codes
    low, high = column.ends
    values = parameter.size()
    if values is None or (values > bins and parameter.log):
        places = (column.positions - low) / (high - low) * bins
    else:
        # Each value owns half a step on either side.
        index = np.rint((column.values - parameter.low) / (parameter.step or 1))
        places = (index + 0.5) / values * min(bins, values)
    known = np.nan_to_num(places, nan=0.0)
    codes = np.clip(np.floor(known + _ROUNDING), 0, bins - 1)
    if values is not None and values > bins and parameter.log:
        codes = np.searchsorted(_reachable(parameter, bins), codes)
    return np.where(column.exists, codes, -1).astype(np.intp)


def _reachable(parameter: FloatParameter | IntParameter, bins: int) -> Codes:
    """Cells of equal width in logs that hold a whole number: those next to 1 may hold none."""
    low, high = math.log(parameter.low), math.log(parameter.high)
    edges = np.exp(low + (high - low) * np.arange(bins + 1) / bins)
    first = np.ceil(edges[:-1] * (1 - _ROUNDING))
    return np.flatnonzero(first <= np.append(edges[1:-1] * (1 - _ROUNDING), edges[-1]))


def _regimes(space: Space) -> Iterator[list[str]]:
    """For each set of values of the parameters that others depend on: the other ones that exist."""
    controllers = {other for p in space.parameters.values() for other in p.when}
    order = [name for name in space.order if name in controllers]

    def visit(place: int, values: dict[str, Any]) -> Iterator[list[str]]:
        if place == len(order):
            yield [name for name in space.active(values) if name not in controllers]
            return
        parameter = space.parameters[order[place]]
        if not parameter.met({**space.fixed, **values}):
            yield from visit(place + 1, values)
            return
        for value in parameter.grid() or ():
            yield from visit(place + 1, {**values, order[place]: value})

    return visit(0, {})
