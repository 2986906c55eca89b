"""The loss of a cohort as one program: written for one trial, batched by `vmap`.

Trials share no graph, so the gradient of the sum of their losses is the stack of their gradients,
and plain autograd takes it. A cohort of one runs without `vmap`: the same formulas, less dispatch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentlab.training.contract import Batch, Clock, Tensors
from latentlab.training.parameters import ParameterLayout

Loss = Callable[..., tuple[Tensor, Tensors, Tensors]]


class LossInputs(NamedTuple):
    """What a loss is given beside the model, by the names of the parameters of `Method.loss`.

    Of a cohort, each has a leading trial axis but the clock.

    Attributes:
        batch: the examples.
        hyper: per-trial numbers by dotted name.
        noise: random numbers by name.
        state: the method state by name.
        clock: where training stands.
    """

    batch: Batch
    hyper: Tensors
    noise: Tensors
    state: Tensors
    clock: Clock


_AXES = LossInputs._make([0, 0, 0, 0, None])
"""The trial axis of each input, for `vmap`; trials share the clock."""


class _Objective(nn.Module):
    """A model and its loss as one module, so that `functional_call` can swap the parameters."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def forward(self, inputs: LossInputs) -> tuple[Tensor, Tensors, Tensors]:
        total, terms, state = self._loss(self.model, **inputs._asdict())
        return total, terms, updated_only(state, inputs.state)


class LossProgram:
    """Losses and gradients of all trials of a cohort at once.

    Args:
        model: a model of the cohort's shape; its own numbers are not used.
        loss: the study's loss of one trial.
        layout: where the parameters lie in a row of the weight matrix.
    """

    def __init__(self, model: nn.Module, loss: Loss, layout: ParameterLayout) -> None:
        self._objective = _Objective(model, loss)
        self._layout = layout
        self._batched: Loss = torch.func.vmap(self._loss_of_trial, in_dims=(0, _AXES))

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

    def losses(self, inputs: LossInputs) -> tuple[Tensor, Tensors, Tensors]:
        """Return totals [trials], terms [trials] each, and the states that changed."""
        if self._trials > 1:
            return self.batched(self._leaves, inputs)
        total, terms, state = self._objective(
            LossInputs(
                batch=Batch(inputs.batch.features[0], inputs.batch.labels[0]),
                hyper=_first(inputs.hyper),
                noise=_first(inputs.noise),
                state=_first(inputs.state),
                clock=inputs.clock,
            )
        )
        return total[None], _lift(terms), _lift(state)

    def batched(self, leaves: Tensors, inputs: LossInputs) -> tuple[Tensor, Tensors, Tensors]:
        """Return the same with these parameters, by name, [trials, *shape] each."""
        return self._batched(leaves, inputs)

    def gradients(self, totals: Tensor) -> Sequence[Tensor]:
        """Return gradients of totals [trials], in the layout's order, each [trials, *shape]."""
        # A term that is left out may leave parameters without a gradient: theirs is 0.
        gradients: Sequence[Tensor] = torch.autograd.grad(
            totals.sum(), list(self._leaves.values()), allow_unused=True, materialize_grads=True
        )
        return gradients if self._trials > 1 else [gradient[None] for gradient in gradients]

    def _loss_of_trial(
        self, parameters: Tensors, inputs: LossInputs
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return the loss of one trial with these parameters, for `vmap`."""
        swapped = {f"model.{name}": tensor for name, tensor in parameters.items()}
        result: tuple[Tensor, Tensors, Tensors] = torch.func.functional_call(
            self._objective, swapped, (inputs,)
        )
        return result


def updated_only(new: Mapping[str, Tensor], old: Mapping[str, Tensor]) -> Tensors:
    """Return the new tensors but for those that were handed through, which need no copy."""
    return {name: tensor for name, tensor in new.items() if tensor is not old[name]}


def _first(tensors: Mapping[str, Tensor]) -> Tensors:
    return {name: tensor[0] for name, tensor in tensors.items()}


def _lift(tensors: Mapping[str, Tensor]) -> Tensors:
    return {name: tensor[None] for name, tensor in tensors.items()}
