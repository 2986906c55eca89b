"""A study's own runs as the rules of the audit read them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from latentlab.metrics.metric import Metric
from latentlab.runs.audit.audited import Audited


def audited_study(
    name: str,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    metrics: Mapping[str, Metric],
    control: str,
) -> Audited:
    """Return trials, the scores that claims are about, and verdicts.

    Whether the configurations of arms differ only as declared is a gate of every verdict; here an
    arm is one configuration.

    Args:
        name: of the study.
        trials: the table of trials.
        scores: trial_id, arm, seed, split, metric, value.
        verdicts: one row per hypothesis.
        metrics: name -> metric.
        control: the arm that others are compared with.
    """
    once = trials.drop_duplicates("trial_id").reset_index(drop=True)
    claimed = (
        verdicts[["split", "metric"]].dropna().drop_duplicates().itertuples(index=False, name=None)
    )
    columns = {f"{split}.{metric}": (split, metric) for split, metric in claimed}
    values = {
        column: scores[(scores["split"] == split) & (scores["metric"] == metric)]
        .drop_duplicates("trial_id")
        .set_index("trial_id")["value"]
        .reindex(once["trial_id"])
        .to_numpy(dtype="float64")
        for column, (split, metric) in columns.items()
    }
    status = once["status"].astype(object)
    return Audited(
        name=name,
        rows=[f"{arm} seed {seed}" for arm, seed in zip(once["arm"], once["seed"], strict=True)],
        settings=once[["arm"]],
        recorded=once[["device"]],
        scores=pd.DataFrame(values, index=once.index),
        metrics={column: metrics[metric] for column, (_, metric) in columns.items()},
        states=status.where(status != "finished", "complete").to_numpy(),
        seeds=once["seed"].to_numpy(),
        arms=once["arm"].astype(object).to_numpy(),
        arm_columns=("arm",),
        control=control,
        verdicts=verdicts,
    )
