"""The best row, and how much of its lead is what the best of so many always has."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.order_statistics import expected_highest_normal
from latentlab.search.table import SweepTable

COLUMNS = (
    "configuration",
    "value",
    "rows",
    "mean",
    "gap",
    "replicate_sd",
    "replicate_freedom",
    "seeds",
    "standard_error",
    "expected_gap",
    "noise_share",
    "shrunken_value",
)


def winner(table: SweepTable, rows: Observations) -> pd.DataFrame:
    """The winner, against the best of as many configurations that do not differ.

    Returns:
        One row, in the objective's units. `gap` is the winner's lead over the mean of all rows.
        `replicate_sd` is pooled within configurations over their seeds, `standard_error` that of
        the winner's mean; without configurations on two seeds they are missing, and with them all
        that follows. `expected_gap` is the lead of the best of so many rows if nothing but seeds
        told them apart. `noise_share` is the share of the rows' variance that seeds alone give,
        and `shrunken_value` takes it from the winner's lead, which is what fresh seeds are
        expected to show (empirical Bayes, Efron & Morris 1973).
    """
    scores = rows.scores
    best = int(np.argmax(scores))
    number = rows.numbers[best]
    sd, freedom = replicate_sd(table)
    seeds = _seeds(table, number)
    error = sd / math.sqrt(seeds) if seeds else math.nan
    mean = float(np.mean(scores))
    gap = float(scores[best]) - mean
    variance = float(np.var(scores, ddof=1)) if len(scores) > 1 else math.nan
    noise = math.nan
    if variance > 0 and not math.isnan(error):
        noise = min(1.0, error**2 / variance)
    return pd.DataFrame(
        [
            {
                "configuration": number,
                "value": rows.values[best],
                "rows": len(scores),
                "mean": rows.objective.sign * mean,
                "gap": gap,
                "replicate_sd": sd,
                "replicate_freedom": freedom,
                "seeds": seeds,
                "standard_error": error,
                "expected_gap": error * expected_highest_normal(len(scores)),
                "noise_share": noise,
                "shrunken_value": rows.objective.sign * (mean + (1 - noise) * gap),
            }
        ],
        columns=list(COLUMNS),
    )


def replicate_sd(table: SweepTable) -> tuple[float, int]:
    """Standard deviation over seeds within configurations, and its degrees of freedom.

    Returns:
        NaN and 0 where no configuration has values on two seeds.
    """
    if not len(table.replicates):
        return math.nan, 0
    name = table.objective.name
    known = table.replicates[np.isfinite(table.replicates[name].to_numpy(dtype=np.float64))]
    groups = known.groupby("configuration")[name]
    freedom = int((groups.size() - 1).sum())
    if not freedom:
        return math.nan, 0
    squares = ((known[name] - groups.transform("mean")) ** 2).sum()
    return math.sqrt(float(squares) / freedom), freedom


def _seeds(table: SweepTable, number: object) -> int:
    if not len(table.replicates):
        return 0
    mine = table.replicates[table.replicates["configuration"] == number]
    return int(mine[table.objective.name].notna().sum())
