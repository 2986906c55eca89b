"""The trial of a study that is registered as its model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from latentlab.experiment.declaration import Declaration


def choose_champion(declaration: Declaration, scores: pd.DataFrame) -> dict[str, Any]:
    """Return the trial to be registered, by the declared rule, on validation scores.

    The best trial of the arm with the best mean. An arm of which a seed has no score, since it
    diverged for instance, gives way to those with more: a mean over what survived flatters it.

    Returns:
        `trial_id`, `arm`, `seed`, `metric`, `split`, `value`, and the arm's mean and number of
        seeds, so that nobody takes the best of many for the typical.
    """
    rule = declaration.champion
    better = declaration.metric_table[rule.metric].better
    watched = (scores["metric"] == rule.metric) & (scores["split"] == rule.split)
    candidates = scores[watched & scores["arm"].isin(declaration.configs)].dropna()
    if candidates.empty:
        return {}
    sign = -1.0 if better == "higher" else 1.0
    by_arm = candidates.groupby("arm")["value"]
    counts, means = by_arm.count(), by_arm.mean()
    arm = (sign * means[counts == counts.max()]).sort_values().index[0]
    of_arm = candidates[candidates["arm"] == arm]
    best = of_arm.iloc[int(np.argmin(sign * of_arm["value"].to_numpy()))]
    return {
        "trial_id": str(best["trial_id"]),
        "arm": str(arm),
        "seed": int(best["seed"]),
        "metric": rule.metric,
        "split": rule.split,
        "value": float(best["value"]),
        "arm_mean": float(means[arm]),
        "arm_seeds": len(of_arm),
    }
