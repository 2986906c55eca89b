"""The columns of a sweep as numbers: where a parameter exists, and what its values are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Codes, Mask
from latentlab.core.errors import UserError
from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Parameter,
    is_number,
    same,
)
from latentlab.search.space import has_direction
from latentlab.search.table import SweepTable

_ROUNDING = 1e-9

Kind = Literal["number", "ordered", "boolean", "categorical"]


def kind_of(parameter: Parameter) -> Kind:
    """Which tables a parameter belongs to; `ordered` are choices that are ordered numbers."""
    if not isinstance(parameter, CategoricalParameter):
        return "number"
    if parameter.ordered:
        return "ordered"
    truths = len(parameter.choices) == 2 and all(isinstance(c, bool) for c in parameter.choices)
    return "boolean" if truths else "categorical"


@dataclass(frozen=True)
class Column:
    """One parameter over the rows of a table.

    Attributes:
        name: of the parameter.
        parameter: its declaration.
        exists: whether the row has the parameter, [rows].
        values: its number, or the index of its choice where choices have no order; NaN where the
            row does not have it, [rows].
        codes: index of the choice, -1 where the row does not have it, [rows]; empty for numbers.
    """

    name: str
    parameter: Parameter
    exists: Mask
    values: Array
    codes: Codes

    @property
    def kind(self) -> Kind:
        """Number, ordered choice, boolean or categorical."""
        return kind_of(self.parameter)

    @property
    def has_direction(self) -> bool:
        """Whether a larger value means something."""
        return has_direction(self.parameter)

    @property
    def conditional(self) -> bool:
        """Whether some rows lack the parameter."""
        return not bool(self.exists.all())

    @property
    def choices(self) -> tuple[Any, ...]:
        """The choices; none for a number."""
        return self.parameter.choices if isinstance(self.parameter, CategoricalParameter) else ()

    @property
    def log(self) -> bool:
        """Whether the parameter is searched on a log scale."""
        return not isinstance(self.parameter, CategoricalParameter) and self.parameter.log

    @cached_property
    def positions(self) -> Array:
        """Values in the units in which the range is searched: logs, or the place of a choice."""
        if isinstance(self.parameter, CategoricalParameter):
            return np.where(self.exists, self.codes, np.nan).astype(np.float64)
        return np.log(self.values) if self.log else self.values

    @cached_property
    def shares(self) -> Array:
        """Positions from 0 at the low bound to 1 at the high one; the place of a choice from 0."""
        if isinstance(self.parameter, CategoricalParameter):
            return self.positions
        low, high = self.ends
        return np.asarray(np.clip((self.positions - low) / (high - low), 0.0, 1.0))

    @property
    def ends(self) -> tuple[float, float]:
        """The declared bounds in the units of `positions`."""
        if isinstance(self.parameter, CategoricalParameter):
            return 0.0, float(len(self.parameter.choices) - 1)
        low, high = float(self.parameter.low), float(self.parameter.high)
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def take(self, rows: Mask | Codes) -> Column:
        """The column over some of the rows."""
        codes = self.codes[rows] if len(self.codes) else self.codes
        return Column(self.name, self.parameter, self.exists[rows], self.values[rows], codes)


def columns_of(table: SweepTable) -> dict[str, Column]:
    """Every searched parameter over all rows of a table, whatever their state.

    A value that is recorded where the conditions of the space say that the parameter does not
    exist is left out: nothing was made with it.

    Raises:
        UserError: a value is not among the choices that were declared, or outside its range.
    """
    columns: dict[str, Column] = {}
    for name in table.space.order:
        exists = _conditions_met(table, name, columns)
        try:
            columns[name] = column_of(
                name, table.space.parameters[name], table.parameters[name], exists
            )
        except UserError as error:
            raise UserError(f"sweep {table.name}: {error.what}", error.remedy) from None
    return {name: columns[name] for name in table.space.parameters}


def column_of(name: str, parameter: Parameter, series: pd.Series, exists: Mask) -> Column:
    """One parameter as a column.

    Args:
        name: of the parameter.
        parameter: its declaration.
        series: its values, missing where it does not exist, [rows].
        exists: rows whose conditions allow it, [rows].

    Raises:
        UserError: a value is not among the choices that were declared, or outside its range.
    """
    recorded = ~pd.isna(series).to_numpy(dtype=bool)
    if not isinstance(parameter, CategoricalParameter):
        exists = exists & recorded
        numbers = np.full(len(series), np.nan)
        numbers[exists] = series[exists].astype(float)
        _check_inside(name, parameter, series, numbers)
        return Column(name, parameter, exists, numbers, np.empty(0, dtype=np.intp))
    if not any(choice is None for choice in parameter.choices):
        exists = exists & recorded
    codes = _codes(name, parameter, series, exists)
    values = codes.astype(np.float64)
    if parameter.ordered:
        values = np.array([*parameter.numbers(), math.nan])[codes]
    return Column(name, parameter, exists, np.where(exists, values, np.nan), codes)


def _check_inside(
    name: str, parameter: FloatParameter | IntParameter, series: pd.Series, numbers: Array
) -> None:
    # Rounding may put a value a hair beyond its bound.
    margin = _ROUNDING * (parameter.high - parameter.low)
    with np.errstate(invalid="ignore"):
        outside = (numbers < parameter.low - margin) | (numbers > parameter.high + margin)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise UserError(
            f"{name} is {numbers[row]:g} in row {series.index[row]}, outside "
            f"[{parameter.low:g}, {parameter.high:g}]",
            "Give the space that was searched",
        )


def recorded_outside(table: SweepTable) -> dict[str, int]:
    """How many values are recorded of parameters that do not exist in their row, by parameter."""
    columns = columns_of(table)
    counts: dict[str, int] = {}
    for name, column in columns.items():
        recorded = ~pd.isna(table.parameters[name]).to_numpy(dtype=bool)
        counts[name] = int(np.count_nonzero(recorded & ~column.exists))
    return {name: count for name, count in counts.items() if count}


def _conditions_met(table: SweepTable, name: str, found: dict[str, Column]) -> Mask:
    met = np.ones(len(table.parameters), dtype=np.bool_)
    for other, wanted in table.space.parameters[name].when.items():
        allowed = wanted if isinstance(wanted, list) else [wanted]
        if other in table.space.fixed:
            fixed = table.space.fixed[other]
            met &= any(same(fixed, one) for one in allowed)
            continue
        controller = found[other]
        if controller.choices:
            places = [k for k, c in enumerate(controller.choices) if _among(c, allowed)]
            met &= np.isin(controller.codes, places)
        else:
            numbers = [float(one) for one in allowed if is_number(one)]
            met &= np.isin(controller.values, numbers)
    return met


def _among(value: Any, allowed: Sequence[Any]) -> bool:
    return any(same(value, one) for one in allowed)


def _codes(name: str, parameter: CategoricalParameter, series: pd.Series, exists: Mask) -> Codes:
    # True and 1 are different choices, but the same key of a dictionary.
    places = {(isinstance(c, bool), c): k for k, c in enumerate(parameter.choices)}
    codes = np.full(len(exists), -1, dtype=np.intp)
    listed = series.tolist()
    for row in np.flatnonzero(exists).tolist():
        value = listed[row].item() if isinstance(listed[row], np.generic) else listed[row]
        if pd.isna(value):
            value = None
        place = places.get((isinstance(value, bool), value))
        if place is None:
            raise UserError(
                f"{name} is {value!r} in row {series.index[row]}, which is none of its choices",
                f"Add it to the choices of {name}, or take the row out",
            )
        codes[row] = place
    return codes
