"""The score over a branch's own numbers, apart for both values of a switch: maps of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Mask
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column, columns_of
from latentlab.search.effects.branches import branches, branching
from latentlab.search.effects.seed_noise import runs_by_seed
from latentlab.search.parameters import CategoricalParameter
from latentlab.search.table import SweepTable
from latentlab.statistics.intervals import mean_interval

COLUMNS = (
    "parameter",
    "branch",
    "switch",
    "switch_value",
    "p1",
    "x",
    "p2",
    "y",
    "configurations",
    "lost",
    "seeds",
    "mean",
    "low",
    "high",
)
MOST_VALUES = 20
"""A number that may have more values than this is no axis of a grid."""

_AXES = 2


def sensitivity(table: SweepTable, settings: AnalysisSettings) -> pd.DataFrame:
    """Means over configurations and seeds in every cell of a branch's grid.

    A branch's axes are the one or two numbers that exist only there, or where it has none of its
    own those that all rows have. What is left over, beyond the switch, is averaged. Numbers that
    may have more than `MOST_VALUES` values, and branches with more than two numbers, have no map;
    slices and contours show them.

    Args:
        table: the sweep.
        settings: coverage of the intervals.

    Returns:
        One row per `branch` of a branching `parameter` (both empty where there is none), value of
        the `switch` (the first other parameter with two values; empty where there is none), value
        `x` of `p1` and value `y` of `p2` (missing with one number). `mean` and its t interval over
        `seeds` are in the objective's units; the interval is missing for fewer than two seeds.
        `lost` configurations diverged or failed.
    """
    columns = columns_of(table)
    cut: list[tuple[Column | None, str, Mask]] = [
        (column, text, held)
        for column in branching(columns)
        for text, held in branches(column).items()
    ]
    everything = np.ones(len(table.outcomes), dtype=np.bool_)
    found: list[dict[str, Any]] = []
    for column, text, held in cut or [(None, "", everything)]:
        axes = _axes(columns, column, held)
        if not axes:
            continue
        switch = _switch(columns, column, held)
        named = {"parameter": column.name if column else "", "branch": text}
        sides = branches(switch) if switch else {"": everything}
        for side, switched in sides.items():
            about = {**named, "switch": switch.name if switch else "", "switch_value": side}
            found += [
                {**about, **cell} for cell in _cells(table, axes, held & switched, settings.level)
            ]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _axes(columns: Mapping[str, Column], column: Column | None, held: Mask) -> list[Column]:
    """The one or two numbers of a branch; none where it has none, or more."""
    taken = [
        one
        for one in columns.values()
        if one is not column and _is_axis(one) and len(_tried(one, held)) > 1
    ]
    own = [one for one in taken if column and column.name in one.parameter.when]
    axes = own or [one for one in taken if not one.parameter.when]
    return axes if len(axes) <= _AXES else []


def _is_axis(column: Column) -> bool:
    return 1 < (column.parameter.size() or 0) <= MOST_VALUES


def _switch(columns: Mapping[str, Column], column: Column | None, held: Mask) -> Column | None:
    """The first other parameter with two choices, both of which were tried in the branch."""
    for one in columns.values():
        two = len(one.choices) == 2 and one is not column and _numbers(one) is None
        if two and len(np.unique(one.codes[held & one.exists])) == 2:
            return one
    return None


def _numbers(column: Column) -> Array | None:
    """Its values as numbers, [rows], NaN where a row lacks it; None for choices that are none."""
    if not isinstance(column.parameter, CategoricalParameter):
        return column.values
    numbers = column.parameter.numbers()
    if len(numbers) < len(column.choices):
        return None
    return np.array([*numbers, np.nan])[column.codes]


def _tried(column: Column, held: Mask) -> Array:
    """The different numbers in some of the rows, rising."""
    numbers = _numbers(column)
    return np.empty(0) if numbers is None else np.unique(numbers[held & column.exists])


def _cells(table: SweepTable, axes: list[Column], held: Mask, level: float) -> list[dict[str, Any]]:
    """Mean, interval and losses of every cell, in the order of the axes."""
    runs = runs_by_seed(table).reindex(table.outcomes.index).to_numpy(dtype=np.float64)
    values = table.outcomes[table.objective.name].to_numpy(dtype=np.float64)
    lost = table.outcomes["state"].isin(["diverged", "failed"]).to_numpy()
    found = []
    for place in itertools.product(*(_tried(axis, held) for axis in axes)):
        here = held.copy()
        for axis, value in zip(axes, place, strict=True):
            here &= _numbers(axis) == value
        done, lost_here = here & table.complete, int((here & lost).sum())
        if not (done.any() or lost_here):
            continue
        ran = runs[:, np.isfinite(runs[done]).any(axis=0)]
        by_seed = np.nanmean(ran[done], axis=0)
        low, high = mean_interval(by_seed, level)
        found.append(
            {
                "p1": axes[0].name,
                "x": place[0],
                "p2": axes[1].name if len(axes) == _AXES else "",
                "y": place[1] if len(axes) == _AXES else np.nan,
                "configurations": int(done.sum()),
                "lost": lost_here,
                "seeds": len(by_seed),
                "mean": float(values[done].mean()) if done.any() else np.nan,
                "low": low,
                "high": high,
            }
        )
    return found
