"""How many trials the memory holds at once, by what one of them takes in one step."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from latentlab.compute.device import memory_bytes
from latentlab.core.errors import UserError
from latentlab.training.contract import AnyMethod
from latentlab.training.data import StudyData
from latentlab.training.groups import open_group
from latentlab.training.trial import Trial

SHARE = 0.5
"""Of the memory that trials may take; the data, the libraries and the figures need some too."""


def trials_in_memory(method: AnyMethod, trial: Trial, data: StudyData, device: torch.device) -> int:
    """Return how many trials like this one fit at once, in all processes together; at least 1.

    Raises:
        UserError: not even one does.
    """
    taken, there = bytes_per_trial(method, trial, data, device), memory_bytes(device)
    if taken > there:
        raise UserError(
            f"One trial of the arm {trial.arm} takes {taken / 1e9:,.1f} GB of memory, and "
            f"{there / 1e9:,.1f} GB are there",
            "Make its model or training.batch_size smaller.",
        )
    return max(1, int(SHARE * there / taken))


def bytes_per_trial(method: AnyMethod, trial: Trial, data: StudyData, device: torch.device) -> int:
    """Return the bytes that a trial adds to a cohort: weights, noise, what a reverse pass needs.

    The last is most of it where a batch is large beside the model. It is what autograd stores in a
    real step, each storage counted once.
    """
    group = open_group(method, [trial], data, device, precision=trial.precision)
    stored: dict[int, int] = {}

    def store(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        stored[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(store, lambda tensor: tensor):
        group.advance()
    return group.bytes_of_a_trial() + sum(stored.values())
