"""The loss of a cohort as one program: written for one trial, batched by `vmap`.

Trials share no graph, so the gradient of the sum of their losses is the stack of their gradients,
and plain autograd takes it. A cohort of one runs without `vmap`: the same formulas, less dispatch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from latentlab.training.contract import Batch, Clock, Tensors
from latentlab.training.parameters import Layout

Loss = Callable[..., tuple[Tensor, Tensors, Tensors]]


class _Objective(nn.Module):
    """A model and its loss as one module, so that `functional_call` can swap the parameters."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def forward(
        self, batch: Batch, hyper: Tensors, noise: Tensors, carried: Tensors, clock: Clock
    ) -> tuple[Tensor, Tensors, Tensors]:
        total, terms, state = self._loss(self.model, batch, hyper, noise, carried, clock)
        return total, terms, changed(state, carried)


class LossProgram:
    """Losses and gradients of all trials of a cohort at once.

    Args:
        model: a model of the cohort's shape; its own numbers are not used.
        loss: the study's loss of one trial.
        layout: where the parameters lie in a row of the weight matrix.
    """

    def __init__(self, model: nn.Module, loss: Loss, layout: Layout) -> None:
        self._objective = _Objective(model, loss)
        self._layout = layout
        self._batched: Loss = torch.func.vmap(self._one, in_dims=(0, 0, 0, 0, 0, None))

    def bind(self, weights: Tensor) -> None:
        """Read the parameters from this matrix [trials, numbers] from now on."""
        self._trials = len(weights)
        if self._trials == 1:
            views = self._layout.single(weights[0])
            for name, parameter in self._objective.model.named_parameters():
                parameter.data = views[name]
            self._leaves: Tensors = dict(self._objective.model.named_parameters())
        else:
            stacked = self._layout.stacked(weights)
            self._leaves = {name: view.detach().requires_grad_() for name, view in stacked.items()}

    def losses(
        self,
        batch: Batch,
        hyper: Tensors,
        noise: Tensors,
        carried: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Totals [trials], terms [trials] each, and what changed of the states [trials, ...]."""
        if self._trials > 1:
            return self.batched(self._leaves, batch, hyper, noise, carried, clock)
        total, terms, new = self._objective(
            Batch(batch.features[0], batch.labels[0]),
            _first(hyper),
            _first(noise),
            _first(carried),
            clock,
        )
        return total[None], _lift(terms), _lift(new)

    def batched(
        self,
        leaves: Tensors,
        batch: Batch,
        hyper: Tensors,
        noise: Tensors,
        carried: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """The same with these parameters, by name, [trials, *shape] each."""
        return self._batched(leaves, batch, hyper, noise, carried, clock)

    def gradients(self, totals: Tensor) -> Sequence[Tensor]:
        """Gradients of totals [trials], in the layout's order, each [trials, *shape]."""
        # A term that is left out may leave parameters without a gradient: theirs is 0.
        gradients: Sequence[Tensor] = torch.autograd.grad(
            totals.sum(), list(self._leaves.values()), allow_unused=True, materialize_grads=True
        )
        return gradients if self._trials > 1 else [gradient[None] for gradient in gradients]

    def _one(self, parameters: Tensors, *arguments: Any) -> tuple[Tensor, Tensors, Tensors]:
        """The loss of one trial with these parameters, for `vmap`."""
        swapped = {f"model.{name}": tensor for name, tensor in parameters.items()}
        result: tuple[Tensor, Tensors, Tensors] = torch.func.functional_call(
            self._objective, swapped, arguments
        )
        return result


def changed(new: Mapping[str, Tensor], old: Mapping[str, Tensor]) -> Tensors:
    """The new tensors but for those that were handed through: of them nothing is to be copied."""
    return {name: tensor for name, tensor in new.items() if tensor is not old[name]}


def _first(tensors: Mapping[str, Tensor]) -> Tensors:
    return {name: tensor[0] for name, tensor in tensors.items()}


def _lift(tensors: Mapping[str, Tensor]) -> Tensors:
    return {name: tensor[None] for name, tensor in tensors.items()}
