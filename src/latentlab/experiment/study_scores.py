"""All scores of a study so far: of the weights, of the baselines, and times of the arms."""

from __future__ import annotations

import pandas as pd
import torch

from latentlab.data import Prepared
from latentlab.experiment.baselines import score_baselines
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.scoring import collect_scores, score_trials
from latentlab.experiment.study import Study
from latentlab.experiment.timing import time_arms
from latentlab.training.store import TrialStore


def measure_trials(
    study: Study,
    declaration: Declaration,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
) -> pd.DataFrame:
    """Score the weights on validation and test, and the baselines; what is kept is not redone.

    Args:
        study: says what is measured.
        declaration: its arms.
        trials: from `trial_table`.
        prepared: the data.
        store: where weights and scores are.
        device: where to compute.
    """
    measured = score_trials(
        study, trials, prepared, store, device, with_examples=declaration.applicable.over_examples
    )
    baselines = score_baselines(study, declaration, trials, prepared, store)
    return pd.concat([measured, baselines], ignore_index=True) if len(baselines) else measured


def scores_so_far(
    study: Study,
    declaration: Declaration,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    precision: str,
) -> pd.DataFrame:
    """Return what the hypotheses of a study are judged on; arguments as of `measure_trials`."""
    measured = measure_trials(study, declaration, trials, prepared, store, device)
    timings = time_arms(study, declaration, prepared, store, device, precision)
    return collect_scores(trials, measured, timings)
