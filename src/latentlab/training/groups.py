"""Opens trials for training: as a cohort, or a plain trial by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from latentlab.compute.config import ComputeConfig
from latentlab.training.cohort import Cohort
from latentlab.training.contract import AnyMethod, require_batched
from latentlab.training.data import StudyData
from latentlab.training.group import TrainingGroup
from latentlab.training.plain.method import PlainMethod
from latentlab.training.plain.trial import PlainTrial
from latentlab.training.state import CohortState
from latentlab.training.trial import Trial


def open_group(
    method: AnyMethod,
    trials: Sequence[Trial],
    data: StudyData,
    device: torch.device,
    precision: str = "float32",
    compiled: bool = False,
    graphs: bool = False,
    state: CohortState | None = None,
) -> TrainingGroup:
    """Return trials of one signature, ready to be trained; a plain method is given one.

    Args:
        method: the study's, or the one of these trials.
        trials: trials of one signature and one data set.
        data: the data on the device.
        device: where to compute.
        precision: of matrix products, as in the `compute` block.
        compiled: compile the batched loss.
        graphs: replay it as a CUDA graph.
        state: state to continue from; none starts anew.

    Raises:
        UserError: as `TrainingGroup` and its kinds say; the method is none.
    """
    own = method.of(trials[0].config)
    if isinstance(own, PlainMethod):
        return PlainTrial(own, trials, data, device, precision, state)
    return Cohort(require_batched(own), trials, data, device, precision, compiled, graphs, state)


def choices_of(method: AnyMethod, config: ComputeConfig) -> ComputeConfig:
    """Return the settings that leave open what this method leaves open.

    A plain trial trains by itself, and its step is compiled by nobody but its own code.
    """
    if isinstance(method, PlainMethod):
        return config.model_copy(update={"cohort": 1, "compile": False})
    return config
