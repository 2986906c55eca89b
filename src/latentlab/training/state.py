"""Everything a cohort carries from one step to the next, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

STATE = "state."
"""What the names of the method state begin with where weights and state lie side by side."""


@dataclass
class CohortState:
    """The state of a cohort; every tensor has the trials as its leading axis.

    Attributes:
        step: steps done.
        weights: [trials, numbers], a row per trial as `ParameterLayout` describes it.
        moments: the optimiser's running averages, each [trials, numbers].
        method_state: what the method keeps from step to step, each [trials, ...].
        alive: trials still training, bool [trials].
        diverged_at: step whose loss or gradient was not finite, or -1, [trials].
        steps: steps that each trial took, [trials].
        seconds: each trial's share of the cohort's training time, [trials].
        sums: sums of the loss terms over the steps of this epoch, [trials, terms].
        watch: state of plateau, early stopping and best epoch, each [trials].
        best: where they are kept, the `weights` of the best epoch, [trials, numbers], and the
            method state at its end as `state.<name>`; else empty.
        history: scores of past epochs, [trials, epochs, scores]; NaN where none was taken.
    """

    step: int
    weights: Tensor
    moments: dict[str, Tensor]
    method_state: dict[str, Tensor]
    alive: Tensor
    diverged_at: Tensor
    steps: Tensor
    seconds: Tensor
    sums: Tensor
    watch: dict[str, Tensor]
    best: dict[str, Tensor]
    history: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> CohortState:
        """Return the state with every tensor changed: moved, cloned, or some trials selected."""
        new: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                new[name] = change(value)
            elif isinstance(value, dict):
                new[name] = {key: change(tensor) for key, tensor in value.items()}
        return replace(self, **new)

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors under flat names, such as `moments/first`."""
        flat: dict[str, Tensor] = {}
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                flat[name] = value
            elif isinstance(value, dict):
                flat.update({f"{name}/{key}": tensor for key, tensor in value.items()})
        return flat

    @classmethod
    def from_tensors(cls, step: int, flat: Mapping[str, Tensor]) -> CohortState:
        """Build the state that `tensors` described."""
        fields: dict[str, Any] = {"moments": {}, "method_state": {}, "watch": {}, "best": {}}
        for name, tensor in sorted(flat.items()):
            outer, _, inner = name.partition("/")
            if inner:
                fields[outer][inner] = tensor
            else:
                fields[outer] = tensor
        return cls(step=step, **fields)


def snapshot(weights: Tensor, method_state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights and method state under the names by which they are kept and stored."""
    return {"weights": weights, **{STATE + name: t for name, t in method_state.items()}}


def split_state(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return a stored trial's parameters and its method state, each by its own name."""
    parameters = {name: t for name, t in tensors.items() if not name.startswith(STATE)}
    state = {name.removeprefix(STATE): t for name, t in tensors.items() if name.startswith(STATE)}
    return parameters, state


def where_alive(
    alive: Tensor, new: Mapping[str, Tensor], old: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the new tensors of living trials and the old ones of the others.

    Args:
        alive: bool [trials].
        new: each [trials, ...].
        old: the same shapes and types; what `new` does not name stays as it is.
    """
    return dict(old) | {
        name: torch.where(alive.view(-1, *[1] * (tensor.ndim - 1)), tensor.detach(), old[name])
        for name, tensor in new.items()
    }
