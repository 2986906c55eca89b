"""Everything a cohort carries from one step to the next, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor


@dataclass
class CohortState:
    """The state of a cohort; every tensor has the trials as its leading axis.

    Attributes:
        step: steps done.
        weights: [trials, numbers], a row per trial as `Layout` describes it.
        moments: the optimiser's running averages, each [trials, numbers].
        carried: the study's own state, each [trials, ...].
        alive: trials still training, bool [trials].
        diverged_at: step whose loss or gradient was not finite, or -1, [trials].
        steps: steps that each trial took, [trials].
        seconds: each trial's share of the cohort's training time, [trials].
        sums: sums of the loss terms over the steps of this epoch, [trials, terms].
        watch: state of plateau, early stopping and best epoch, each [trials].
        best: where they are kept, the `weights` of the best epoch, [trials, numbers], and the
            study's own state at its end as `state.<name>`; else empty.
        history: scores of past epochs, [trials, epochs, scores]; NaN where none was taken.
    """

    step: int
    weights: Tensor
    moments: dict[str, Tensor]
    carried: dict[str, Tensor]
    alive: Tensor
    diverged_at: Tensor
    steps: Tensor
    seconds: Tensor
    sums: Tensor
    watch: dict[str, Tensor]
    best: dict[str, Tensor]
    history: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> CohortState:
        """The same state with every tensor changed: moved, cloned, or some trials selected."""
        new: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                new[name] = change(value)
            elif isinstance(value, dict):
                new[name] = {key: change(tensor) for key, tensor in value.items()}
        return replace(self, **new)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors under flat names, such as `moments/first`."""
        flat: dict[str, Tensor] = {}
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                flat[name] = value
            elif isinstance(value, dict):
                flat.update({f"{name}/{key}": tensor for key, tensor in value.items()})
        return flat

    @classmethod
    def from_tensors(cls, step: int, flat: Mapping[str, Tensor]) -> CohortState:
        """The state that `tensors` described."""
        fields: dict[str, Any] = {"moments": {}, "carried": {}, "watch": {}, "best": {}}
        for name, tensor in sorted(flat.items()):
            outer, _, inner = name.partition("/")
            if inner:
                fields[outer][inner] = tensor
            else:
                fields[outer] = tensor
        return cls(step=step, **fields)


def snapshot(weights: Tensor, carried: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights and the study's own state under the names by which they are kept and stored."""
    return {"weights": weights, **{f"state.{name}": tensor for name, tensor in carried.items()}}


def kept_where(
    alive: Tensor, new: Mapping[str, Tensor], old: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The new tensors of living trials and the old ones of the others.

    Args:
        alive: bool [trials].
        new: each [trials, ...].
        old: the same shapes and types; what `new` does not name stays as it is.
    """
    return dict(old) | {
        name: torch.where(alive.view(-1, *[1] * (tensor.ndim - 1)), tensor.detach(), old[name])
        for name, tensor in new.items()
    }
