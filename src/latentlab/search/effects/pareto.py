"""The configurations that no other beats in every objective."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Mask
from latentlab.search.table import SweepTable


def pareto_front(table: SweepTable) -> pd.DataFrame:
    """Complete rows on the Pareto front, best in the first objective first.

    Returns:
        `configuration`, the objectives' values as recorded and all parameters; a sweep with one
        objective has its best rows there. Rows that lack a value of any objective are left out.
    """
    names = [objective.name for objective in table.objectives]
    signs = np.array([objective.sign for objective in table.objectives])
    outcomes = table.outcomes[table.complete]
    values = outcomes[names].to_numpy(dtype=np.float64)
    known = np.isfinite(values).all(axis=1)
    turned = values[known] * signs
    front = outcomes.index[known][not_dominated(turned)]
    rows = pd.concat([table.outcomes.loc[front, names], table.parameters.loc[front]], axis=1)
    best_first = rows[names[0]].mul(-signs[0]).sort_values(kind="stable").index
    return rows.loc[best_first].rename_axis("configuration").reset_index()


def not_dominated(turned: Array) -> Mask:
    """Which points no other point reaches in all objectives and beats in one.

    Args:
        turned: larger is better, [points, objectives].

    Returns:
        Shape [points]; equal points are kept together.
    """
    # In lexicographic order a point is only dominated by an earlier one.
    order = np.lexsort(-turned.T[::-1])
    kept: list[int] = []
    front = np.zeros(len(turned), dtype=np.bool_)
    for place in order:
        point = turned[place]
        rivals = turned[kept]
        reached = (rivals >= point).all(axis=1) & (rivals > point).any(axis=1)
        if not reached.any():
            kept.append(place)
            front[place] = True
    return front
