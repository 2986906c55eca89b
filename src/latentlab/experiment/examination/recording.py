"""The units of trials epoch by epoch, from training them again: a trained trial keeps no such."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentlab.compute.device import process_settings_kept, set_matmul_precision
from latentlab.experiment.examination.cohort import Setting
from latentlab.experiment.examination.levers import latent_model_of
from latentlab.experiment.examination.units import units_of
from latentlab.experiment.trained_model import TrainedModel
from latentlab.training.data import StudyData
from latentlab.training.group import TrainingGroup
from latentlab.training.groups import open_group
from latentlab.training.plain.method import PlainMethod
from latentlab.training.trial import Trial

POINTS = 40
"""Epochs that are recorded of a training, at most, evenly spaced; the first is among them."""


def record_units(setting: Setting, trials: Sequence[Trial], features: Tensor) -> pd.DataFrame:
    """Train trials of one configuration again, on this machine, and record their units.

    They end as the stored ones do, up to what rounding makes of a cohort of another size.

    Args:
        setting: where trials are made.
        trials: of one configuration.
        features: examples that the units are measured on.

    Returns:
        Columns seed, epoch (from 1), unit (from 0), kl (nats), variance, on; of a trial that
        diverged up to there.
    """
    cpu = torch.device("cpu")
    method = setting.study.method.of(trials[0].config)
    data = StudyData.of(setting.prepared, cpu)
    groups = [[trial] for trial in trials] if isinstance(method, PlainMethod) else [list(trials)]
    parts = []
    with process_settings_kept():
        set_matmul_precision(setting.compute.precision)
        for members in groups:
            group = open_group(method, members, data, cpu, setting.compute.precision)
            parts += _recorded(setting, group, features)
    return pd.concat(parts, ignore_index=True)


def _recorded(setting: Setting, group: TrainingGroup, features: Tensor) -> list[pd.DataFrame]:
    epochs = group.config.training.epochs
    every = -(-epochs // POINTS)
    parts = []
    while not group.finished:
        if not group.advance():
            continue
        epoch = group.state.step // group.epoch_steps
        if epoch % every and epoch not in (1, epochs) and not group.finished:
            continue
        parts += _at(setting, group, epoch, features)
    return parts


def _at(setting: Setting, group: TrainingGroup, epoch: int, features: Tensor) -> list[pd.DataFrame]:
    state, parts = group.gathered(), []
    model_of = latent_model_of(setting.study)
    for index, trial in enumerate(group.trials):
        if int(state.diverged_at[index]) >= 0:
            continue
        model = TrainedModel.of(
            setting.study.method,
            trial.config,
            group.data.spec,
            group.tensors_of(state, index),
            trial.stream,
        )
        units = units_of(model_of(model), features)
        parts.append(
            pd.DataFrame(
                {
                    "seed": trial.seed,
                    "epoch": epoch,
                    "unit": np.arange(len(units.kl)),
                    "kl": units.kl,
                    "variance": units.variance,
                    "on": units.on,
                }
            )
        )
    return parts


def off_since(record: pd.DataFrame) -> pd.DataFrame:
    """Return the units that are off at the end, and the first epoch since which they are.

    Args:
        record: from `record_units`.

    Returns:
        Columns seed, unit, epoch: the first that was recorded of the last stretch in which it was
        off; 1 where it was off from the first epoch on.
    """
    rows = []
    for (seed, unit), own in record.sort_values("epoch").groupby(["seed", "unit"]):
        if own["on"].iloc[-1]:
            continue
        was_on = own.loc[own["on"], "epoch"]
        later = own["epoch"] > (was_on.max() if len(was_on) else 0)
        rows.append({"seed": seed, "unit": unit, "epoch": own.loc[later, "epoch"].min()})
    return pd.DataFrame(rows, columns=["seed", "unit", "epoch"])
