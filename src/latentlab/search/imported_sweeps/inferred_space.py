"""The space of a sweep that says nothing but its values."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentlab.runs.columns import NULL
from latentlab.search.imported_sweeps.cells import cell_value
from latentlab.search.imported_sweeps.inferred_conditions import condition_notes, conditions_of
from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Parameter,
    Scalar,
    is_number,
)
from latentlab.search.space import Space

FEW = 10
"""Numbers of at most so many values, each seen twice on average, are ordered choices."""

DECADES = 2.0
"""Positive numbers that spread over more than this may be on a log scale."""


def inferred_space(parameters: pd.DataFrame) -> tuple[Space, list[str]]:
    """Return a space that holds all the values, and what a reader should know about it.

    Numbers become a range as it was observed, or ordered choices where there are few of them;
    a range of a number says nothing about what was searched beyond it. A column of one value is
    fixed. A parameter that is missing in some rows is conditional where one other parameter
    explains when.

    Args:
        parameters: typed columns, [rows, parameters].

    Returns:
        The space, and notes. Columns that are neither in its parameters nor fixed are left out.
    """
    searched: dict[str, Parameter] = {}
    fixed: dict[str, Scalar] = {}
    notes: list[str] = []
    for name in parameters.columns:
        column = parameters[name]
        values = column.dropna()
        distinct = values.unique()
        if len(distinct) == 0:
            notes.append(f"{name}: there is no value in any row; it is left out")
        elif len(distinct) == 1 and len(values) == len(column):
            fixed[name] = cell_value(distinct[0])
        elif len(distinct) == 1:
            notes.append(f"{name}: one value wherever it exists; it is left out")
        else:
            searched[name] = parameter_of(values)
    conditions, unexplained = conditions_of(
        parameters[list(searched)],
        [name for name, parameter in searched.items() if not isinstance(parameter, FloatParameter)],
    )
    searched = {
        name: parameter.model_copy(update={"when": conditions.get(name, {})})
        for name, parameter in searched.items()
    }
    notes += condition_notes(conditions, unexplained)
    return Space.model_validate({"fixed": fixed, "parameters": searched}), notes


def none_of_ranges(parameters: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return columns in which None is a choice, or is not there where the numbers are a range.

    Args:
        parameters: typed columns, [rows, parameters].

    Returns:
        The columns, and notes on those that have changed.
    """
    notes = []
    for name in parameters.columns:
        none = (parameters[name] == NULL).to_numpy()
        others = parameters[name][~none].dropna()
        if none.any() and len(others.unique()) > FEW and all(map(is_number, others)):
            parameters = parameters.assign(**{name: parameters[name].mask(none).astype(float)})
            notes.append(f"{name}: None in {none.sum()} rows is taken for absent, beside a range")
    return parameters, notes


def parameter_of(values: pd.Series) -> Parameter:
    """Return the narrowest parameter that takes all of some values; none of them missing.

    Raises:
        ValueError: there are not two different values.
    """
    distinct = values.unique()
    if len(distinct) < 2:
        raise ValueError(f"{values.name} has a single value")
    if values.dtype == object:
        return CategoricalParameter(
            type="categorical", choices=tuple(sorted(distinct, key=_numbers_first))
        )
    numbers = np.sort(distinct.astype(float))
    low, high = cell_value(numbers[0]), cell_value(numbers[-1])
    whole = bool(np.all(numbers == np.round(numbers))) and isinstance(low, int)
    if whole and numbers[-1] - numbers[0] == len(numbers) - 1:
        return IntParameter.model_validate({"type": "int", "low": low, "high": high})
    if len(numbers) <= FEW and len(values) >= 2 * len(numbers):
        choices = tuple(cell_value(number) for number in numbers)
        return CategoricalParameter(type="categorical", choices=choices, ordered=True)
    block = {"low": low, "high": high, "log": _is_logarithmic(values.to_numpy(dtype=float))}
    if whole:
        return IntParameter.model_validate({"type": "int", **block})
    return FloatParameter.model_validate({"type": "float", **block})


def _is_logarithmic(values: np.ndarray) -> bool:
    """Return whether values spread over decades, with a median near the middle of the logs.

    Uniform draws from (0, 1) spread over decades too, but their median is at .5.
    """
    low, high = float(values.min()), float(values.max())
    if low <= 0 or math.log10(high / low) <= DECADES:
        return False
    median = float(np.median(values))
    linear = (median - low) / (high - low)
    logarithmic = math.log(median / low) / math.log(high / low)
    return abs(logarithmic - 0.5) < abs(linear - 0.5)


def _numbers_first(choice: Scalar) -> tuple[bool, float, str]:
    return (True, 0.0, str(choice)) if isinstance(choice, str) else (False, float(choice or 0), "")
