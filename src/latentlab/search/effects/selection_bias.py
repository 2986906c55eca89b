"""Selection bias: what the best of a sweep, or of a branch, owes to having been selected.

The best of 60 noisy means lies higher than the best of 12, though nothing tells them apart. Where
one strategy has more settings to try than another, the difference of their biases is to be taken
off before the bests are compared.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.arrays import Mask
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.effects.branches import branches, branching
from latentlab.search.effects.seed_noise import replicate_noise
from latentlab.search.matrix import SweepMatrix
from latentlab.search.table import SweepTable
from latentlab.statistics.intervals import mean_interval, welch_interval
from latentlab.statistics.selection_bias import expected_highest_normal

WINNER_COLUMNS = (
    "configuration",
    "value",
    "rows",
    "mean",
    "gap",
    "lead",
    "replicate_sd",
    "replicate_freedom",
    "seeds",
    "standard_error",
    "least_lead",
    "expected_gap",
    "noise_share",
    "shrunken_value",
)
BRANCH_COLUMNS = (
    "parameter",
    "branch",
    "configurations",
    "best_configuration",
    "best",
    "seeds",
    "replicate_sd",
    "replicate_freedom",
    "standard_error",
    "expected_highest",
    "selection_bias",
    "best_corrected",
    "mean",
    "mean_low",
    "mean_high",
    "median",
    "leader",
    "lead",
    "bias_difference",
    "lead_corrected",
    "mean_lead",
    "mean_lead_low",
    "mean_lead_high",
)


def winner(table: SweepTable, rows: SweepMatrix) -> pd.DataFrame:
    """The winner, against the best of as many configurations that do not differ.

    Returns:
        One row, in the objective's units. `gap` is the winner's lead over the mean of all rows,
        `lead` that over the second row; from `least_lead` on a t test at .05, two-sided and
        uncorrected, tells the two apart.
        `replicate_sd` is that of `replicate_noise`, `standard_error` that of the winner's mean
        beside the others'; where no configuration was run twice they are missing, and with them
        all that follows. `expected_gap` is the lead of the best of so many rows if nothing but
        seeds told them apart. `noise_share` is the share of the rows' variance that seeds alone
        give, and `shrunken_value` takes it from the winner's lead, which is what fresh seeds are
        expected to show (empirical Bayes, Efron & Morris 1973).
    """
    scores = rows.scores
    best = int(np.argmax(scores))
    number = rows.numbers[best]
    noise, counts = replicate_noise(table, rows)
    seeds = int(counts[best])
    error = noise.sd / math.sqrt(seeds) if seeds else math.nan
    lead = least = math.nan
    if len(scores) > 1:
        second = int(np.argsort(-scores, kind="stable")[1])
        lead = float(scores[best] - scores[second])
        if seeds and counts[second]:
            least = noise.least_difference(seeds, counts[second])
    mean = float(np.mean(scores))
    gap = float(scores[best]) - mean
    variance = float(np.var(scores, ddof=1)) if len(scores) > 1 else math.nan
    share = math.nan
    if variance > 0 and not math.isnan(error):
        share = min(1.0, error**2 / variance)
    return pd.DataFrame(
        [
            {
                "configuration": number,
                "value": rows.values[best],
                "rows": len(scores),
                "mean": rows.objective.sign * mean,
                "gap": gap,
                "lead": lead,
                "replicate_sd": noise.sd,
                "replicate_freedom": noise.freedom,
                "seeds": seeds,
                "standard_error": error,
                "least_lead": least,
                "expected_gap": error * expected_highest_normal(len(scores)),
                "noise_share": share,
                "shrunken_value": rows.objective.sign * (mean + (1 - share) * gap),
            }
        ],
        columns=list(WINNER_COLUMNS),
    )


def selection_bias_by_branch(
    table: SweepTable, rows: SweepMatrix, settings: AnalysisSettings
) -> pd.DataFrame:
    """The best of every branch, with its selection bias.

    Args:
        table: the sweep, for its single runs.
        rows: its complete rows.
        settings: coverage of the intervals, whose unit is the configuration.

    Returns:
        One row per branching parameter and branch, the one with the best configuration (`leader`)
        first. `replicate_sd` is that of `replicate_noise` within the branch, `standard_error` that
        of a configuration's mean over its `seeds`, and `selection_bias` = standard_error *
        expected_highest how far the best of so many means lies above their mean if nothing but
        seeds told them apart. With one seed that cannot be known, and is missing. Of the other
        branches, `lead` is how far the leader's best is ahead, `bias_difference` the leader's bias
        less theirs, and `lead_corrected` the difference; `mean_lead` compares the means over all
        configurations, among which nothing was chosen (Welch). Leads are positive where the
        leader is better; `best`, `best_corrected`, `mean` and `median` are in the objective's
        units. Configurations that differ in truth, or that move together from seed to seed, have
        a smaller bias than this; a branch in which a few are much noisier than the others has more.
    """
    found = []
    for column in branching(rows.columns):
        held = branches(column)
        parts = [
            {"parameter": column.name, "branch": text, **_branch(table, rows.take(mine), settings)}
            for text, mine in held.items()
        ]
        parts.sort(key=lambda part: -rows.objective.sign * part["best"])
        leader, *others = parts
        found.append({**leader, "leader": True})
        for part in others:
            pair = held[leader["branch"]], held[part["branch"]]
            behind = _behind(part, leader, rows, pair, settings)
            found.append({**part, "leader": False, **behind})
    return pd.DataFrame(found, columns=list(BRANCH_COLUMNS))


def _branch(table: SweepTable, rows: SweepMatrix, settings: AnalysisSettings) -> dict[str, Any]:
    """One branch by itself."""
    sign, values, numbers = rows.objective.sign, rows.values, rows.numbers
    best = int(np.argmax(sign * values))
    (sd, freedom), counts = replicate_noise(table, rows)
    error = sd * math.sqrt(float(np.mean(1 / np.maximum(counts, 1)))) if freedom else math.nan
    expected = expected_highest_normal(len(values))
    # A single configuration was not chosen, however noisy it is.
    bias = error * expected if len(values) > 1 else 0.0
    low, high = mean_interval(values, settings.level)
    return {
        "configurations": len(values),
        "best_configuration": numbers[best],
        "best": float(values[best]),
        "seeds": int(counts.min()),
        "replicate_sd": sd,
        "replicate_freedom": freedom,
        "standard_error": error,
        "expected_highest": expected,
        "selection_bias": bias,
        "best_corrected": float(values[best]) - sign * bias,
        "mean": float(np.mean(values)),
        "mean_low": low,
        "mean_high": high,
        "median": float(np.median(values)),
    }


def _behind(
    part: dict[str, Any],
    leader: dict[str, Any],
    rows: SweepMatrix,
    pair: tuple[Mask, Mask],
    settings: AnalysisSettings,
) -> dict[str, float]:
    """How far a branch is behind the leader: best, corrected best, and mean of all."""
    lead = rows.objective.sign * (leader["best"] - part["best"])
    difference = leader["selection_bias"] - part["selection_bias"]
    first, second = (rows.scores[held] for held in pair)
    low, high = welch_interval(first, second, settings.level)
    return {
        "lead": lead,
        "bias_difference": difference,
        "lead_corrected": lead - difference,
        "mean_lead": float(first.mean() - second.mean()),
        "mean_lead_low": low,
        "mean_lead_high": high,
    }
