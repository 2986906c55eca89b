"""Data of slices and contours: values of one parameter, or of a pair, with the objective."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix


def chosen_pairs(
    importances: pd.DataFrame, strongest: int, asked: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """All pairs of the most important parameters by PED-ANOVA, then those asked for.

    Args:
        importances: as `importances` gives them.
        strongest: how many parameters are paired with each other.
        asked: further pairs.

    Returns:
        Pairs without repeats, either way round. Parameters of regimes that exclude each other are
        paired too; such a pair has no rows.
    """
    ped = importances[importances["evaluator"].str.startswith("PED")]
    # Where there are too few rows for importances, the first parameters stand in.
    ranked = ped.sort_values("importance", ascending=False, na_position="last", kind="stable")
    leading = ranked["parameter"].drop_duplicates().head(strongest)
    pairs: list[tuple[str, str]] = []
    for pair in [*itertools.combinations(leading, 2), *asked]:
        if pair not in pairs and pair[::-1] not in pairs:
            pairs.append(pair)
    return pairs


def contour(rows: SweepMatrix, first: str, second: str) -> pd.DataFrame:
    """Rows that have both parameters: `configuration`, `p1`, `p2`, `value`.

    Raises:
        UserError: one of the two is no parameter of the sweep.
    """
    p1, p2 = _named(rows, first), _named(rows, second)
    both = p1.exists & p2.exists
    return pd.DataFrame(
        {
            "configuration": rows.numbers[both],
            "p1": _values(p1)[both],
            "p2": _values(p2)[both],
            "value": rows.values[both],
        }
    )


def slices(rows: SweepMatrix) -> pd.DataFrame:
    """One row per parameter and row that has it, tidy.

    Returns:
        `parameter`, `x`, `value`, `configuration` and `adaptive`.
    """
    parts = [
        pd.DataFrame(
            {
                "parameter": column.name,
                "x": _values(column)[column.exists],
                "value": rows.values[column.exists],
                "configuration": rows.numbers[column.exists],
                "adaptive": rows.adaptive[column.exists],
            }
        ).astype({"x": object})
        for column in rows.columns.values()
    ]
    return pd.concat(parts, ignore_index=True)


def _named(rows: SweepMatrix, name: str) -> Column:
    if name not in rows.columns:
        raise UserError(
            f"contours: {name} is no parameter of the sweep",
            f"Write one of {', '.join(rows.columns)}",
        )
    return rows.columns[name]


def _values(column: Column) -> np.ndarray:
    """Numbers, or the choices themselves, [rows]."""
    if not column.choices:
        return column.values
    choices = np.empty(len(column.choices) + 1, dtype=object)
    choices[:-1] = column.choices
    # Code -1, of a row without the parameter, falls on the last place.
    choices[-1] = np.nan
    return choices[column.codes]
