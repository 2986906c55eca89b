"""How trials ended: counts of outcomes by arm, from scores or from the comparison of arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentlab.studies.least_volume.metrics import FAILURES

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = ("ok", *FAILURES, "diverged")
"""Every trial has exactly one: the first that holds of diverged, the failures, and ok."""

CAPTION = (
    "Trials of each arm by how they ended: unstable, without any dimension left, without any "
    "pruned although there was a policy, diverged, or none of it. Last, the share that did not end "
    "well with its exact 95 % interval (Clopper & Pearson 1934), not adjusted."
)


def outcome_counts(scores: pd.DataFrame, split: str = "test") -> pd.DataFrame:
    """Count the trials of every arm by outcome.

    Args:
        scores: tidy scores `trial_id, arm, seed, split, metric, value` of all splits: a trial
            that diverged has a training time and no scores of its weights.
        split: whose scores are read; a trial's outcome is the same on all.

    Returns:
        One row per arm in the order of the scores, one column per outcome.
    """
    from latentlab.reporting.tables import arm_order

    chosen = scores[(scores["split"] == split) & scores["metric"].isin(FAILURES)]
    chosen = chosen.drop_duplicates(["arm", "trial_id", "metric"])
    counts = chosen.pivot_table(index="arm", columns="metric", values="value", aggfunc="sum")
    counts = counts.reindex(index=arm_order(scores), columns=list(FAILURES)).fillna(0)
    trained = scores.groupby("arm")["trial_id"].nunique()
    scored = chosen.groupby("arm")["trial_id"].nunique().reindex(counts.index, fill_value=0)
    counts["diverged"] = trained - scored
    counts["ok"] = scored - counts[list(FAILURES)].sum(axis=1)
    return counts[list(OUTCOMES)].astype(int)


def failure_table(comparison: pd.DataFrame, problem: str) -> pd.DataFrame:
    """The outcomes of every arm as a table for terminal and report.

    Args:
        comparison: from `comparison_table`.
        problem: name of the data set.

    Returns:
        One row per arm that has scores: problem, arm, trials, a column per outcome, and the share
        of trials that did not end well with its interval.
    """
    import pandas as pd
    from scipy.stats import binomtest

    from latentlab.reporting.formatting import format_estimate

    shares = comparison[comparison["metric"].isin(FAILURES)]
    rows = []
    for arm, own in shares.groupby("arm", sort=False):
        scored, diverged = int(own["n"].iloc[0]), int(own["diverged"].iloc[0])
        trials = scored + diverged
        if not trials:
            continue
        means = own.set_index("metric")["mean"].fillna(0)
        counts = {name: round(float(means[name]) * scored) for name in FAILURES}
        failed = sum(counts.values()) + diverged
        counts |= {"diverged": diverged, "ok": trials - failed}
        interval = binomtest(failed, trials).proportion_ci()
        rows.append(
            {
                "problem": problem,
                "arm": arm,
                "trials": trials,
                **{name: counts[name] for name in OUTCOMES},
                "failed": format_estimate(failed / trials, interval.low, interval.high),
            }
        )
    return pd.DataFrame(rows)
