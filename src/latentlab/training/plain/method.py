"""What a study gives the trainer for a module that is trained by itself: a plain method.

Anything that PyTorch allows is allowed: `nn.Dropout`, `nn.BatchNorm`, buffers, in-place operations,
branches on data, optimisers and schedules of its own. What it costs is the cohort: trials are
trained one by one, in worker processes. The process's generators (torch, numpy, random) are seeded
before every step as a function of study, data, seed and step, so a trial is the same in every plan
and after every resume, and arms of a seed draw the same numbers where they draw alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from latentlab.compute.device import autocast
from latentlab.core.errors import UserError
from latentlab.training.config import TrainingConfig
from latentlab.training.contract import Batch, DataSpec, Tensors


class DivergedError(Exception):
    """A loss or a gradient is not finite; nothing was updated."""


@dataclass(frozen=True)
class Step:
    """Where the training of a plain trial stands.

    Attributes:
        number: steps done before this one.
        epoch: epochs done before this one.
        total: steps of the whole training.
        config: the trial's configuration.
        device: where it computes.
        precision: of matrix products, as in the `compute` block.
    """

    number: int
    epoch: int
    total: int
    config: Any
    device: torch.device
    precision: str

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which a loss is computed."""
        return autocast(self.device, self.precision)

    def descend(self, loss: Tensor, optimisers: Sequence[Optimizer]) -> None:
        """Update what the optimisers hold by the gradient of a loss, clipped as is configured.

        Raises:
            DivergedError: the loss or its gradient is not finite.
            UserError: the loss depends on no parameter.
        """
        if not loss.requires_grad:
            raise UserError(
                "The training step's loss depends on no parameter",
                "Return the loss as it was computed: without .item(), .detach() or no_grad().",
            )
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        held = parameters_of(optimisers)
        gradients = [p.grad for p in held if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients) if gradients else torch.zeros(())
        if not bool(torch.isfinite(loss.detach()) & torch.isfinite(norm)):
            raise DivergedError
        if limit := self.config.training.gradient_clip:
            nn.utils.clip_grads_with_norm_(held, limit, norm)
        for optimiser in optimisers:
            optimiser.step()


class PlainMethod(ABC):
    """A module and its training step; a study says these two, the rest has a default.

    Implementations hold no state and pickle by name.
    """

    name: str
    version: int = 1
    one_step = False
    """Whether the whole training split is one batch, and training is one step on it."""

    def of(self, config: Any) -> Self:
        """Return the method that trains this configuration."""
        return self

    @abstractmethod
    def build(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """Return a new module; `rng` and the process's generators are the trial's own."""

    def training_step(self, module: Any, batch: Batch, step: Step) -> tuple[Tensor, Tensors]:
        """Return the loss (scalar) and its named terms (scalars, perhaps none) of a batch."""
        raise TypeError(f"{self.name} has no training_step, and no update and validation_step")

    def validation_step(self, module: Any, batch: Batch, step: Step) -> tuple[Tensor, Tensors]:
        """Return the same of a validation batch; without gradients, the module in `eval` mode."""
        return self.training_step(module, batch, step)

    def optimisers(self, module: nn.Module, config: Any) -> Sequence[Optimizer]:
        """Return what updates the module: one of torch's, as `training` says it."""
        return [configured_optimiser(module, config.training)]

    def scheduler(self, optimisers: Sequence[Optimizer], config: Any) -> LRScheduler | None:
        """Return a schedule of the method's own, stepped after every epoch, beside `training`'s."""
        return None

    def update(
        self, module: Any, optimisers: Sequence[Optimizer], batch: Batch, step: Step
    ) -> tuple[Tensor, Tensors]:
        """Train the module by one step; return the loss and its terms before it.

        A method with several losses, such as an adversarial one, has an update of its own, in
        which it calls `step.descend` for each.

        Raises:
            DivergedError: a loss or a gradient is not finite.
        """
        with step.autocast():
            loss, terms = checked(self.training_step(module, batch, step), self.name)
        step.descend(loss, optimisers)
        return loss, terms

    def restore(self, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Put stored parameters and buffers into a module that was built anew."""
        load_tensors(module, tensors)

    def outcome(self, state: Tensors, scores: Mapping[str, float]) -> str:
        """Return the study's own label of a trial that finished, `ok` where all went well."""
        return "ok"


def checked(found: Any, name: str) -> tuple[Tensor, Tensors]:
    """Return loss and terms of a step; a loss alone has no terms.

    Raises:
        UserError: the loss is no scalar, or the terms have no names.
    """
    loss, terms = found if isinstance(found, tuple) and len(found) == 2 else (found, {})
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        shape = list(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise UserError(
            f"{name}: a step returned {shape} for its loss, which is no scalar",
            "Return one number, such as loss.mean(), and its terms: return loss, {'kl': kl}.",
        )
    if not isinstance(terms, Mapping):
        raise UserError(
            f"{name}: a step returned {type(terms).__name__} for its terms, which have names",
            "Return them as in: return loss, {'kl': kl}.",
        )
    for term, value in terms.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            raise UserError(
                f"{name}: a step returned {list(value.shape)} for {term}, which is no scalar",
                f"Return its mean over the batch: {{'{term}': {term}.mean()}}.",
            )
    return loss, dict(terms)


def configured_optimiser(module: nn.Module, training: TrainingConfig) -> Optimizer:
    """Return torch's own optimiser over all of a module's parameters.

    Raises:
        UserError: it has none.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise UserError(
            f"{type(module).__name__} has no parameters to train",
            "Assign its layers as attributes, not in a list: self.layers = nn.ModuleList([..]).",
        )
    rate, decay = training.learning_rate, training.weight_decay
    if training.optimiser == "sgd":
        return torch.optim.SGD(parameters, rate, training.momentum, weight_decay=decay)
    kind = torch.optim.AdamW if training.optimiser == "adamw" else torch.optim.Adam
    return kind(parameters, rate, weight_decay=decay)


def parameters_of(optimisers: Sequence[Optimizer]) -> list[Tensor]:
    """Return what the optimisers update."""
    return [p for o in optimisers for group in o.param_groups for p in group["params"]]


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return a module's parameters and buffers by name; of tied ones the first name alone."""
    return dict(module.named_parameters()) | dict(module.named_buffers())


@torch.no_grad()
def load_tensors(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy stored tensors into a module's own, in place: what optimisers hold stays theirs."""
    for name, tensor in named_tensors(module).items():
        tensor.copy_(tensors[name])
