"""Which trials are copies of others: equal to the bit under different seeds.

A seed that repeats another one's outcome is no further evidence, however often it stands in the
table. Weights that are equal are a copy. So are scores that are all equal, where one of them is a
number that two trainings do not hit by chance: shares and counts of a few examples tie often, and
say nothing by themselves.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pandas as pd

from latentlab.metrics.timing import TIMES

OUTCOME, WEIGHTS = "outcome", "weights_digest"
"""Columns of trials whose equal values are copies; empty where a trial cannot be told."""

# A share of up to this many examples is a number that two trainings may both hit; of a number in
# single precision only few denominators can be told from chance.
_EXAMPLES, _EXAMPLES_SINGLE = 10_000, 1_000
_TIMES = [metric.name for metric in TIMES]


def outcomes(scores: pd.DataFrame) -> pd.Series:
    """Return a digest of all scores of each trial but its times; none where all may tie.

    Args:
        scores: columns trial_id, split, metric, value; no row twice.

    Returns:
        Digests by trial id.
    """
    told = scores[~scores["metric"].isin(_TIMES)].sort_values(["split", "metric", "value"])
    # Scores that no other trial has tell it apart already.
    shared = told[told.duplicated(["split", "metric", "value"], keep=False)]
    rare = [value for value in shared["value"].unique() if not _may_tie(float(value))]
    known = shared.loc[shared["value"].isin(rare), "trial_id"].unique()
    told = told[told["trial_id"].isin(known)]
    return pd.Series(
        {
            trial_id: hashlib.sha256(
                rows[["split", "metric", "value"]].to_csv(index=False).encode()
            ).hexdigest()
            for trial_id, rows in told.groupby("trial_id")
        },
        dtype=object,
    )


def copied(trials: pd.DataFrame) -> str:
    """Say which seeds are copies of others, in a clause; empty where none is.

    An arm without weights whose scores are all the same is a constant, such as a baseline that
    nothing random enters, and no copy unless all arms are.

    Args:
        trials: columns arm, seed, outcome and weights_digest.
    """
    constant = trials.groupby("arm")[OUTCOME].transform("nunique").eq(1)
    constant &= trials[WEIGHTS].isna() & trials[OUTCOME].notna()
    looked_at = trials if bool(constant.all()) else trials[~constant]
    for column, what in ((WEIGHTS, "weights"), (OUTCOME, "scores")):
        known = looked_at.dropna(subset=[column]).drop_duplicates(["arm", "seed"])
        again = known[known.duplicated(["arm", column])]
        if len(again):
            first = again.iloc[0]
            same = known[known["arm"].eq(first["arm"]) & known[column].eq(first[column])]
            seeds = ", ".join(str(seed) for seed in same["seed"])
            others = len(again) - len(same) + 1
            more = f", and there are {others} further copies" if others else ""
            return f"copied seeds: {what} of arm {first['arm']} are equal in seeds {seeds}{more}"
    return ""


def _may_tie(value: float) -> bool:
    """Whether a score is a count, or a share of a moderate number of examples."""
    single = float(np.float32(value)) == value
    nearest = Fraction(value).limit_denominator(_EXAMPLES_SINGLE if single else _EXAMPLES)
    off = abs(float(nearest) - value)
    return off <= (1e-7 if single else 1e-12) * max(1.0, abs(value))
