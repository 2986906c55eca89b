"""What the best of a branch owes to the number of its configurations.

The best of 60 noisy means lies higher than the best of 12, though nothing tells them apart. Where
one strategy has more settings to try than another, that difference is its advantage of luck, and
is to be taken off before the bests are compared.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Mask
from latentlab.reporting.formatting import format_number
from latentlab.search.analysis.branches import branches, branching
from latentlab.search.analysis.findings import Finding, records
from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.replicates import noise_of_seeds, runs_by_seed
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.search.table import SweepTable
from latentlab.statistics.intervals import mean_interval, welch_interval
from latentlab.statistics.selection_bias import expected_highest_normal

COLUMNS = (
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
    "luck",
    "best_without_luck",
    "mean",
    "mean_low",
    "mean_high",
    "median",
    "leader",
    "lead",
    "advantage",
    "lead_without_luck",
    "mean_lead",
    "mean_lead_low",
    "mean_lead_high",
)


def luck_by_branch(
    table: SweepTable, rows: Observations, settings: AnalysisSettings
) -> pd.DataFrame:
    """The best of every branch, with what as many tries give by luck alone.

    Args:
        table: the sweep, for its single runs.
        rows: its complete rows.
        settings: coverage of the intervals, whose unit is the configuration.

    Returns:
        One row per branching parameter and branch, the one with the best configuration (`leader`)
        first. `replicate_sd` is that of `noise_of_seeds` within the branch, `standard_error` that
        of a configuration's mean over its `seeds`, and `luck` = standard_error * expected_highest
        how far the best of so many means lies above their mean if nothing but seeds told them
        apart. With one seed that cannot be known, and is missing. Of the other branches, `lead` is
        how far the leader's best is ahead, `advantage` the leader's luck less theirs, and
        `lead_without_luck` the difference; `mean_lead` compares the means over all
        configurations, among which nothing was chosen (Welch). Leads are positive where the
        leader is better; `best`, `best_without_luck`, `mean` and `median` are in the objective's
        units. Configurations that differ in truth, or that move together from seed to seed, have
        less luck than this; a branch in which a few are much noisier than the others has more.
    """
    runs = runs_by_seed(table).reindex(rows.numbers).to_numpy(dtype=np.float64)
    found = []
    for column in branching(rows.columns):
        held = branches(column)
        parts = [
            {"parameter": column.name, "branch": text, **_branch(rows, mine, runs, settings)}
            for text, mine in held.items()
        ]
        parts.sort(key=lambda part: -rows.objective.sign * part["best"])
        leader, *others = parts
        found.append({**leader, "leader": True})
        for part in others:
            pair = held[leader["branch"]], held[part["branch"]]
            behind = _behind(part, leader, rows, pair, settings)
            found.append({**part, "leader": False, **behind})
    return pd.DataFrame(found, columns=list(COLUMNS))


def luck_findings(found: pd.DataFrame) -> list[Finding]:
    """D05: a lead of one branch over another that its larger number of tries alone gives.

    Args:
        found: as `luck_by_branch` gives it.
    """
    lucky = found[(found["advantage"] > 0) & (found["lead"] < found["advantage"])]
    return [
        Finding(
            "D05",
            "warning",
            f"{row.parameter}: the best configuration leads the best with {row.branch} by "
            f"{format_number(row.lead)}, less than the {format_number(row.advantage)} that its "
            "branch's larger number of tries gives by luck. No reason to prefer its branch.",
            str(row.parameter),
        )
        for row in records(lucky)
    ]


def _branch(
    rows: Observations, held: Mask, runs: Array, settings: AnalysisSettings
) -> dict[str, Any]:
    """One branch by itself."""
    sign, values, numbers = rows.objective.sign, rows.values[held], rows.numbers[held]
    best = int(np.argmax(sign * values))
    sd, freedom = noise_of_seeds(runs[held])
    counts = np.isfinite(runs[held]).sum(axis=1)
    error = sd * math.sqrt(float(np.mean(1 / np.maximum(counts, 1)))) if freedom else math.nan
    expected = expected_highest_normal(len(values))
    # A single configuration was not chosen, however noisy it is.
    luck = error * expected if len(values) > 1 else 0.0
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
        "luck": luck,
        "best_without_luck": float(values[best]) - sign * luck,
        "mean": float(np.mean(values)),
        "mean_low": low,
        "mean_high": high,
        "median": float(np.median(values)),
    }


def _behind(
    part: dict[str, Any],
    leader: dict[str, Any],
    rows: Observations,
    pair: tuple[Mask, Mask],
    settings: AnalysisSettings,
) -> dict[str, float]:
    """How far a branch is behind the leader, before and after luck, and without any choosing."""
    lead = rows.objective.sign * (leader["best"] - part["best"])
    advantage = leader["luck"] - part["luck"]
    first, second = (rows.scores[held] for held in pair)
    low, high = welch_interval(first, second, settings.level)
    return {
        "lead": lead,
        "advantage": advantage,
        "lead_without_luck": lead - advantage,
        "mean_lead": float(first.mean() - second.mean()),
        "mean_lead_low": low,
        "mean_lead_high": high,
    }
