"""What a sweep cost. What is not known stays unknown: it is counted, never taken for nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from latentlab.search.table import SweepTable

COLUMNS = (
    "state",
    "configurations",
    "runs",
    "epochs",
    "epochs_unknown",
    "seconds",
    "seconds_unknown",
    "device_hours",
)


def cost(table: SweepTable, devices: float | None = None) -> pd.DataFrame:
    """Configurations, runs, epochs and time by state, and in all.

    Args:
        table: a sweep.
        devices: that one run occupies; None where that is not known.

    Returns:
        One row per state that occurs and a last one `all`. `epochs` and `seconds` are sums over
        the configurations where they are known, missing where none is; `*_unknown` counts the
        others. `seconds` add up the runs' own times, also of runs that went side by side.
        `device_hours` is seconds times `devices`. `runs` is missing where only means are known.
    """
    outcomes = table.outcomes
    states = [state for state in _ORDER if (outcomes["state"] == state).any()]
    rows = [_spent(table, state, outcomes[outcomes["state"] == state], devices) for state in states]
    rows.append(_spent(table, "all", outcomes, devices))
    return pd.DataFrame(rows, columns=list(COLUMNS))


_ORDER = ("complete", "pruned", "diverged", "failed")


def _spent(
    table: SweepTable, state: str, outcomes: pd.DataFrame, devices: float | None
) -> dict[str, Any]:
    seconds, seconds_unknown = _known(outcomes, "seconds")
    epochs, epochs_unknown = _known(outcomes, "epochs")
    runs = math.nan
    if len(table.replicates):
        runs = float(table.replicates["configuration"].isin(outcomes.index).sum())
    return {
        "state": state,
        "configurations": len(outcomes),
        "runs": runs,
        "epochs": epochs,
        "epochs_unknown": epochs_unknown,
        "seconds": seconds,
        "seconds_unknown": seconds_unknown,
        "device_hours": math.nan if devices is None else seconds * devices / 3600,
    }


def _known(outcomes: pd.DataFrame, column: str) -> tuple[float, int]:
    """Sum where known (NaN where nothing is), and how many are not."""
    if column not in outcomes:
        return math.nan, len(outcomes)
    values = outcomes[column].to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    return (float(values[known].sum()) if known.any() else math.nan), int((~known).sum())
