"""Which parameter decides whether another one exists, by where values are missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.search.imported_sweeps.cells import cell_value
from latentlab.search.parameters import Scalar

_DECIDING = 20
"""A parameter of more values than this decides nothing."""

Conditions = dict[str, dict[str, list[Scalar]]]


def conditions_of(
    parameters: pd.DataFrame, deciding: Collection[str]
) -> tuple[Conditions, dict[str, int]]:
    """Conditions that explain exactly where each parameter is missing.

    A parameter's condition is another one's values: it is there in all rows with one of them, and
    in no other row. Of several that explain it, the first in this order is taken: those that are
    never missing, choices before numbers, few values before many. Rows in which every parameter
    is missing say nothing.

    Args:
        parameters: typed columns, [rows, parameters].
        deciding: those that others may depend on: choices and whole numbers.

    Returns:
        `when` by parameter, and for those that nothing explains, in how many rows each is missing.
    """
    there = parameters.notna()
    said = there.any(axis=1).to_numpy()
    parameters, there = parameters[said], there[said]
    conditions: Conditions = {}
    unexplained: dict[str, int] = {}
    deciders = _deciders(parameters[list(deciding)])
    for name in parameters.columns:
        exists = there[name].to_numpy()
        if exists.all():
            continue
        for other, (codes, values) in deciders.items():
            places = None if other == name else _explained(exists, codes, len(values))
            if places is not None:
                conditions[name] = {other: [values[place] for place in places]}
                break
        else:
            unexplained[name] = int(np.count_nonzero(~exists))
    return conditions, unexplained


def condition_notes(conditions: Conditions, unexplained: Mapping[str, int]) -> list[str]:
    """What `conditions_of` found, one sentence each."""
    notes = []
    for name, when in conditions.items():
        ((other, values),) = when.items()
        listed = " or ".join(map(str, values))
        notes.append(f"{name}: exists only where {other} is {listed}, by where it is missing")
    notes += [
        f"{name}: missing in {count} rows, which no single parameter explains"
        for name, count in unexplained.items()
    ]
    return notes


def _deciders(
    parameters: pd.DataFrame,
) -> dict[str, tuple[NDArray[np.intp], list[Scalar]]]:
    """Codes, -1 where missing, and values of each parameter that may decide, in order."""
    found = {}
    for name in parameters.columns:
        codes, values = pd.factorize(parameters[name], sort=False)
        choices = [cell_value(value) for value in values]
        if 2 <= len(choices) <= _DECIDING:
            found[name] = (codes, choices)
    order = sorted(
        found,
        key=lambda name: (
            bool((found[name][0] < 0).any()),
            parameters[name].dtype != object,
            len(found[name][1]),
        ),
    )
    return {name: found[name] for name in order}


def _explained(exists: NDArray[np.bool_], codes: NDArray[np.intp], count: int) -> list[int] | None:
    """Places of the values under which the parameter exists; None where they do not decide it."""
    if exists[codes < 0].any():
        return None
    rows = np.bincount(codes[codes >= 0], minlength=count)
    present = np.bincount(codes[(codes >= 0) & exists], minlength=count)
    if not np.isin(present, [0]).any() or np.any((present != 0) & (present != rows)):
        # Under none of the values is it missing, or under one of them only sometimes.
        return None
    return [int(place) for place in np.flatnonzero(present)]
