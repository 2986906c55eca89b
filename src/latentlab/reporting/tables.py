"""The comparison of arms as a table: means, intervals, and paired differences from the control.

The table never marks a "best" arm. Where the interval of the paired difference from the control
excludes zero it says so in words, and says that the interval is unadjusted; everything else is
within the noise that these seeds can show, and gets no mark.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.metrics.metric import Metric
from latentlab.reporting.cells import Cell
from latentlab.reporting.formatting import (
    MISSING,
    as_text,
    estimate_parts,
    format_number,
    format_share,
)
from latentlab.reporting.intervals import MeanInterval
from latentlab.statistics.effect_sizes import d_z

DIFFERS = "differs (unadjusted)"

COMPARISON_COLUMNS = (
    "metric",
    "unit",
    "better",
    "scale",
    "split",
    "arm",
    "is_control",
    "n",
    "mean",
    "mean_low",
    "mean_high",
    "pairs",
    "difference",
    "difference_low",
    "difference_high",
    "standardised",
    "level",
    "diverged",
    "note",
)


def comparison_table(
    scores: pd.DataFrame,
    metrics: Sequence[Metric],
    control: str,
    split: str = "test",
    *,
    trials: pd.DataFrame | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare every arm with the control, metric by metric.

    Args:
        scores: tidy scores `trial_id, arm, seed, split, metric, value`. A trial that appears
            twice (a reused one) counts once.
        metrics: what to compare, in the order of the table.
        control: the arm that the others are compared with.
        split: the split whose scores are compared.
        trials: the table of trials. With it, diverged trials are counted by their status and left
            out of means and differences, because their scores belong to weights of an earlier
            step. Without it, a score that is not finite counts as diverged.
        level: coverage of the intervals; none of them is adjusted for multiplicity.

    Returns:
        One row per metric and arm with the columns `COMPARISON_COLUMNS`. `difference` is arm minus
        control over the seeds that both have, in the metric's own unit and not oriented;
        `standardised` is that in standard deviations of the paired differences, NaN where they
        have none.

    Raises:
        UserError: the control has no scores, or an arm has two trials with the same seed.
    """
    arms = arm_order(scores)
    if control not in arms:
        raise UserError(
            f"The control arm '{control}' has no scores",
            f"Name one of: {', '.join(arms) or 'no arm has scores'}.",
        )
    diverged = diverged_trials(trials)
    rows: list[dict[str, object]] = []
    for metric in metrics:
        table = paired_scores(scores, metric.name, split, exclude=diverged)
        lost = _count_diverged(scores, trials, metric.name, split)
        for arm in arms:
            values = table[arm] if arm in table else pd.Series(dtype=float)
            base = table[control] if control in table else pd.Series(dtype=float)
            mean = MeanInterval.of(values, level)
            # Subtraction aligns on the seed: a seed that one arm lacks gives NaN and drops out.
            pairs = (values - base).dropna() if arm != control else pd.Series(dtype=float)
            difference = MeanInterval.of(pairs, level)
            rows.append(
                {
                    "metric": metric.name,
                    "unit": metric.unit,
                    "better": metric.better,
                    "scale": metric.scale,
                    "split": split,
                    "arm": arm,
                    "is_control": arm == control,
                    "n": mean.n,
                    "mean": mean.mean,
                    "mean_low": mean.low,
                    "mean_high": mean.high,
                    "pairs": difference.n,
                    "difference": difference.mean,
                    "difference_low": difference.low,
                    "difference_high": difference.high,
                    "standardised": _standardised(pairs),
                    "level": level,
                    "diverged": lost.get(arm, 0),
                    "note": DIFFERS if difference.excludes_zero else "",
                }
            )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def _standardised(differences: pd.Series) -> float:
    finite = differences[np.isfinite(differences)].to_numpy()
    return d_z(finite) if len(finite) > 1 else math.nan


def arm_order(table: pd.DataFrame) -> list[str]:
    """Arms in the order of their first appearance; colours follow this order."""
    return [str(arm) for arm in pd.unique(table["arm"])]


def paired_scores(
    scores: pd.DataFrame, metric: str, split: str, exclude: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """Scores of one metric as a table of seeds (rows) by arms (columns).

    Args:
        scores: tidy scores.
        metric: name of the metric.
        split: name of the split.
        exclude: trial ids to leave out.

    Raises:
        UserError: an arm has two different trials with the same seed, so nothing is paired.
    """
    chosen = scores[(scores["metric"] == metric) & (scores["split"] == split)]
    chosen = chosen[~chosen["trial_id"].isin(exclude)].drop_duplicates(["trial_id", "arm"])
    twice = chosen[chosen.duplicated(["arm", "seed"])]
    if not twice.empty:
        arm, seed = twice.iloc[0]["arm"], twice.iloc[0]["seed"]
        raise UserError(
            f"Arm '{arm}' has more than one trial with seed {seed} for '{metric}' ({split})",
            "Compare one configuration per arm: filter the table of scores by trial_id.",
        )
    table = chosen.pivot(index="seed", columns="arm", values="value").sort_index()
    return table[[arm for arm in arm_order(scores) if arm in table]]


def metric_note(row: Mapping[Hashable, Any] | Mapping[str, Any] | pd.Series) -> str:
    """Unit, direction and scale of a metric in words ("nats per example, lower is better")."""
    better = "no better direction" if row["better"] == "none" else f"{row['better']} is better"
    scale = "claims are about ratios" if row["scale"] == "log" else ""
    return ", ".join(part for part in (str(row["unit"]), better, scale) if part)


def differences_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Display form of the paired differences from the control, one row per metric and arm."""
    others = comparison[~comparison["is_control"].astype(bool)]
    level = format_share(float(comparison["level"].iloc[0])) if len(comparison) else ""
    rows = []
    for row in others.to_dict("records"):
        difference, interval = _difference_parts(row)
        rows.append(
            {
                "metric": Cell(str(row["metric"]), (metric_note(row),)),
                "arm": row["arm"],
                "difference": difference,
                f"unadjusted {level} interval": interval or MISSING,
                "pairs": str(row["pairs"]),
                "diverged": str(row["diverged"]),
                "note": row["note"] if isinstance(row["note"], str) else "",
            }
        )
    return pd.DataFrame(rows)


def printed_comparison(comparison: pd.DataFrame) -> pd.DataFrame:
    """Comparison as texts, one row per metric and arm, for pages that know nothing of it."""

    def printed(row: Mapping[Hashable, Any]) -> dict[str, str]:
        mean = estimate_parts(row["mean"], row["mean_low"], row["mean_high"])
        return {
            **{key: as_text(row[key]) for key in ("metric", "split", "arm", "unit")},
            "mean": " ".join(filter(None, mean)),
            "n": str(row["n"]),
            "difference": "" if row["is_control"] else difference_text(row),
            "pairs": "" if row["is_control"] else str(row["pairs"]),
        }

    return pd.DataFrame([printed(row) for row in comparison.to_dict("records")])


def difference_text(row: Mapping[Hashable, Any]) -> str:
    """Write a paired difference with its sign and its interval ("+0.007 [-0.013, 0.026]")."""
    return " ".join(part for part in _difference_parts(row) if part)


def _difference_parts(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    if row["pairs"] == 0:
        return MISSING, MISSING
    ends = row["difference_low"], row["difference_high"]
    text, interval = estimate_parts(row["difference"], *ends)
    is_positive = format_number(row["difference"])[0].isdigit() and text != "0"
    return f"+{text}" if is_positive else text, interval


def diverged_trials(trials: pd.DataFrame | None) -> frozenset[str]:
    """Ids of the trials that diverged; none where the table of trials is not given."""
    if trials is None:
        return frozenset()
    return frozenset(trials.loc[trials["status"] == "diverged", "trial_id"])


def _count_diverged(
    scores: pd.DataFrame, trials: pd.DataFrame | None, metric: str, split: str
) -> dict[str, int]:
    """Diverged trials per arm: by status, or without trials by scores that are not finite."""
    if trials is not None:
        lost = trials[trials["status"] == "diverged"].drop_duplicates(["trial_id", "arm"])
    else:
        chosen = scores[(scores["metric"] == metric) & (scores["split"] == split)]
        chosen = chosen.drop_duplicates(["trial_id", "arm"])
        finite = pd.to_numeric(chosen["value"]).abs() < float("inf")
        lost = chosen[~finite]
    return {str(arm): int(count) for arm, count in lost.groupby("arm").size().items()}
