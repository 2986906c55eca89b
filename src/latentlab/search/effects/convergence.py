"""How the search came to its best: best so far, and what random search would have had by then."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentlab.search.table import SweepTable
from latentlab.statistics.selection_bias import expected_best

CURVE_COLUMNS = (
    "complete",
    "configuration",
    "cohort",
    "adaptive",
    "value",
    "best_so_far",
    "improved",
    "expected_random",
)
PROGRESS_COLUMNS = (
    "best",
    "configuration",
    "found_at",
    "complete",
    "since",
    "chance",
    "random_reference",
    "expected_random",
    "best_within_reference",
)


def convergence(table: SweepTable) -> pd.DataFrame:
    """The best value so far, complete row by complete row, in the order they were asked for.

    Returns:
        One row per complete row. `expected_random` is the mean of the best of so many rows of the
        random reference: the rows that no earlier value decided. It is missing beyond their
        number, and throughout where there are none.
    """
    sign = table.objective.sign
    outcomes = table.outcomes[table.complete].sort_index()
    values = outcomes[table.objective.name].to_numpy(dtype=np.float64)
    best = sign * np.maximum.accumulate(sign * values)
    improved = np.ones(len(values), dtype=np.bool_)
    improved[1:] = sign * best[1:] > sign * best[:-1]
    adaptive = outcomes["adaptive"].to_numpy(dtype=np.bool_)
    expected = np.full(len(values), math.nan)
    reference = expected_best(sign * values[~adaptive])
    expected[: len(reference)] = sign * reference
    return pd.DataFrame(
        {
            "complete": np.arange(1, len(values) + 1),
            "configuration": outcomes.index,
            "cohort": outcomes["cohort"].to_numpy(),
            "adaptive": adaptive,
            "value": values,
            "best_so_far": best,
            "improved": improved,
            "expected_random": expected,
        },
        columns=list(CURVE_COLUMNS),
    )


def progress(curve: pd.DataFrame) -> pd.DataFrame:
    """Where the search stands, from its curve.

    Args:
        curve: of `convergence`, at least one row.

    Returns:
        One row: the best, at which complete row it was found, and how many were tried `since`.
        `chance` is that of the best of rows in random order to come so early: where the order
        means nothing, the best of n is among the first k with probability k / n. It is small only
        where the search has stopped to improve. `expected_random` is the mean best of the whole
        `random_reference`, `best_within_reference` the best that the search had after as many.
    """
    found = int(np.flatnonzero(curve["improved"])[-1])
    reference = int(curve["expected_random"].notna().sum())
    at = max(reference - 1, 0)
    return pd.DataFrame(
        [
            {
                "best": curve["best_so_far"].iloc[-1],
                "configuration": curve["configuration"].iloc[found],
                "found_at": found + 1,
                "complete": len(curve),
                "since": len(curve) - found - 1,
                "chance": (found + 1) / len(curve),
                "random_reference": reference,
                "expected_random": curve["expected_random"].iloc[at],
                "best_within_reference": curve["best_so_far"].iloc[at],
            }
        ],
        columns=list(PROGRESS_COLUMNS),
    )
