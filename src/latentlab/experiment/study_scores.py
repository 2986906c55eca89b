"""All scores of a study so far: of the weights, of the baselines, and times of the arms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from latentlab.compute.config import ComputeConfig
from latentlab.core.errors import UserError, together
from latentlab.data import Prepared
from latentlab.experiment.baselines import score_baselines
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.scoring import collect_scores, score_trials
from latentlab.experiment.study import Study
from latentlab.experiment.timing import time_arms
from latentlab.metrics.metric import Metric
from latentlab.training.store import TrialStore

_ROUNDING = 1e-5
"""By how much single precision may put a score beyond its range, relative to it or to 1."""


def measure_trials(
    study: Study,
    declaration: Declaration,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    compute: ComputeConfig | None = None,
) -> pd.DataFrame:
    """Score the weights on validation and test, and the baselines; what is kept is not redone.

    Args:
        study: says what is measured.
        declaration: its arms.
        trials: from `trial_table`.
        prepared: the data.
        store: where weights and scores are.
        device: where to compute.
        compute: whose workers compute, as of `score_trials`.

    Raises:
        UserError: a score lies outside its metric's range, so that one of the two is wrong.
    """
    measured = score_trials(
        study,
        trials,
        prepared,
        store,
        device,
        with_examples=declaration.applicable.over_examples,
        compute=compute,
    )
    baselines = score_baselines(study, declaration, trials, prepared, store)
    if len(baselines):
        measured = pd.concat([measured, baselines], ignore_index=True)
    _require_in_range(study, measured, declaration.metric_table)
    return measured


def scores_so_far(
    study: Study,
    declaration: Declaration,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    compute: ComputeConfig,
) -> pd.DataFrame:
    """Return what the hypotheses of a study are judged on; arguments as of `measure_trials`."""
    measured = measure_trials(study, declaration, trials, prepared, store, device, compute)
    if study.runs_programs:
        return measured
    timings = time_arms(study, declaration, prepared, store, device, compute.precision, compute)
    return collect_scores(trials, measured, timings)


def _require_in_range(study: Study, scores: pd.DataFrame, metrics: Mapping[str, Metric]) -> None:
    known = scores[scores["metric"].isin(metrics) & np.isfinite(scores["value"].astype(float))]
    low, high = (
        known["metric"].map({name: getattr(metric, end) for name, metric in metrics.items()})
        for end in ("low", "high")
    )
    slack = _ROUNDING * np.maximum(known["value"].abs(), 1.0)
    outside = known[(known["value"] < low - slack) | (known["value"] > high + slack)]
    if outside.empty:
        return
    raise together(
        [
            UserError(
                f"{row['metric']} of arm {row['arm']}, seed {row['seed']} is {row['value']:.6g} on "
                f"{row['split']}, outside its range {metrics[row['metric']].low:g} to "
                f"{metrics[row['metric']].high:g}",
                f"Correct the metric's range in the study {study.name}, or what evaluates it and "
                "raise the VERSION beside that",
            )
            for row in outside.drop_duplicates(["metric", "arm"]).to_dict("records")
        ]
    )
