"""The trials of an examination: as configured and with each lever pulled, trained and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import process_settings_kept
from latentlab.data import Prepared, Split
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.examination.levers import latent_model_of
from latentlab.experiment.examination.units import Units, units_of
from latentlab.experiment.planning import trial_table
from latentlab.experiment.study import Study
from latentlab.experiment.trial_scores import on_device
from latentlab.training.config import TrialConfig
from latentlab.training.data import data_spec
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

EXAMPLES = 1000
"""Test examples that models are measured on, at most, evenly spaced."""


@dataclass(frozen=True)
class Setting:
    """Where trials of an examination are made.

    Attributes:
        study: its formulas.
        declaration: the study's block.
        compute: device, engine and plan.
        prepared: the data, in a folder.
        store: where trials are kept; those of the study itself are found there.
    """

    study: Study
    declaration: Declaration
    compute: ComputeConfig
    prepared: Prepared
    store: TrialStore

    def trials(self, configs: Mapping[str, TrialConfig], seeds: Sequence[int]) -> list[Trial]:
        """Return every configuration with every seed, by its name as an arm."""
        data, precision = self.prepared.fingerprint, self.compute.precision
        return [
            self.study.trial(self.declaration, arm, seed, config, data, precision)
            for seed in seeds
            for arm, config in configs.items()
        ]

    def trained(self, trials: Sequence[Trial]) -> pd.DataFrame:
        """Train what is not trained yet, together; the table of the trials."""
        with self.study.trainer(
            self.declaration, self.prepared, self.store, self.compute
        ) as trainer:
            new = trainer.train(trials)
        return trial_table(trials, self.store, new)

    def features(self, split: str) -> Tensor:
        """Return some examples of a split, [examples, channels, height, width] in [0, 1]."""
        chosen: Split = self.prepared.splits[split]
        # Evenly spaced, since a data set's order may carry meaning.
        positions = np.linspace(0, len(chosen) - 1, min(EXAMPLES, len(chosen))).astype(int)
        return on_device(
            chosen.features[positions],
            chosen.labels[positions],
            self.prepared.schema.scale,
            torch.device("cpu"),
        )[0]

    def units(self, trials: pd.DataFrame) -> dict[str, Units]:
        """Measure trials that did not diverge, by trial id, on test examples."""
        model_of, spec = latent_model_of(self.study), data_spec(self.prepared)
        features, cpu = self.features("test"), torch.device("cpu")
        found = {}
        with process_settings_kept():
            for row in trials[trials["status"] != "diverged"].itertuples():
                trial_id = str(row.trial_id)
                model = self.study.restore(self.store.folder(trial_id), spec, cpu)
                found[trial_id] = units_of(model_of(model), features)
        return found


def scores_of(trials: pd.DataFrame, units: Mapping[str, Units]) -> pd.DataFrame:
    """Return the table of scores that claims are judged on; a diverged trial has no unit on."""
    rows: list[dict[str, Any]] = [
        {
            "trial_id": trial_id,
            "split": "test",
            "metric": "units_on",
            "value": units[trial_id].graded if trial_id in units else 0.0,
        }
        for trial_id in trials["trial_id"]
    ]
    return pd.DataFrame(rows)
