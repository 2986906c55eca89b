"""Branches of a sweep: the rows between which a parameter tells on which others depend."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from latentlab.core.arrays import Mask
from latentlab.search.columns import Column


def branching(columns: Mapping[str, Column]) -> list[Column]:
    """The parameters on whose values the existence of others depends, in their order.

    Those that no row has are left out: they may hang on a value whose rows all failed.
    """
    deciding = {name for column in columns.values() for name in column.parameter.when}
    return [one for name, one in columns.items() if name in deciding and one.exists.any()]


def branches(column: Column) -> dict[str, Mask]:
    """The rows of every value that was tried, by the value as text.

    Args:
        column: choices, or whole numbers.

    Returns:
        Masks of shape [rows]; rows without the parameter are in none.
    """
    if column.choices:
        found = {str(one): column.codes == place for place, one in enumerate(column.choices)}
    else:
        tried = np.unique(column.values[column.exists])
        found = {f"{value:g}": column.exists & (column.values == value) for value in tried}
    return {text: held for text, held in found.items() if held.any()}
