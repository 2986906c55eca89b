"""The best row, and how much of its lead is what the best of so many always has."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.replicates import noise_of_seeds, runs_by_seed
from latentlab.search.table import SweepTable
from latentlab.statistics.selection_bias import expected_highest_normal

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
        `replicate_sd` is that of `noise_of_seeds`, `standard_error` that of the winner's mean
        beside the others'; without configurations on two seeds they are missing, and with them
        all that follows. `expected_gap` is the lead of the best of so many rows if nothing but
        seeds told them apart. `noise_share` is the share of the rows' variance that seeds alone
        give, and `shrunken_value` takes it from the winner's lead, which is what fresh seeds are
        expected to show (empirical Bayes, Efron & Morris 1973).
    """
    scores = rows.scores
    best = int(np.argmax(scores))
    number = rows.numbers[best]
    runs = runs_by_seed(table).reindex(rows.numbers).to_numpy(dtype=np.float64)
    sd, freedom = noise_of_seeds(runs)
    seeds = int(np.isfinite(runs[best]).sum())
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
