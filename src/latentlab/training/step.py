"""One training step of a cohort: losses, gradients, the check that they are finite, the update.

Two forms of the same step. The plain one takes gradients by autograd and updates trial by trial
where torch has a kernel for it. The compiled one is a single graph from the batch to the new
weights: a reverse pass that is compiled apart from its forward pass would store what it needs of
it, which costs a small model more than its arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from latentlab.compute.device import autocast
from latentlab.training.contract import Tensors
from latentlab.training.optimiser import Optimiser, Update, clip_divisor, gradient_norms
from latentlab.training.parameters import ParameterLayout
from latentlab.training.program import LossInputs, LossProgram
from latentlab.training.state import where_alive

COMPILER: dict[str, Any] = {
    "dynamic": False,
    # The graphs of other cohorts are neither used for this one nor a reason to give up compiling.
    "isolate_recompiles": True,
    # A step reads nothing that changes but its tensors; checking the rest takes a tenth of it.
    "options": {"guard_filter_fn": torch.compiler.keep_tensor_guards_unsafe},
}


GRAPHS = COMPILER | {"options": COMPILER["options"] | {"triton.cudagraphs": True}}


class TrialCounters(NamedTuple):
    """What has happened to each trial so far.

    Attributes:
        alive: trials that are trained; the others keep weights, moments and state. [trials]
        diverged_at: the step of the first loss or gradient that was not finite, or -1. [trials]
        steps: updates done. [trials]
        sums: total and terms, summed over the steps of this epoch. [trials, 1 + terms]
    """

    alive: Tensor
    diverged_at: Tensor
    steps: Tensor
    sums: Tensor


class StepInputs(NamedTuple):
    """What a step reads.

    Attributes:
        loss: what the losses are given.
        rate: learning rates of this step, [trials].
        corrections: of the running averages after this step, [2].
        counters: what has happened so far.
    """

    loss: LossInputs
    rate: Tensor
    corrections: Tensor
    counters: TrialCounters


class StepOutput(NamedTuple):
    """What a step returns beside the new weights.

    Attributes:
        terms: unweighted terms by name, before the update, [trials] each.
        state: the method state by name; that of trials that are not alive is the old one.
        counters: with this step counted.
    """

    terms: Tensors
    state: Tensors
    counters: TrialCounters


class TrainingStep:
    """Trains all trials of a cohort by one step, in place.

    Args:
        program: the losses.
        layout: where the parameters lie in a row of the weight matrix.
        optimiser: the update.
        device: where to compute.
        precision: of matrix products, as in the `compute` block.
        compiled: as one compiled graph; tolerance-equal to the plain form, not bit-equal.
        graphs: replay the compiled graph as a CUDA graph.
    """

    def __init__(
        self,
        program: LossProgram,
        layout: ParameterLayout,
        optimiser: Optimiser,
        device: torch.device,
        precision: str,
        compiled: bool,
        graphs: bool,
    ) -> None:
        self._program = program
        self._layout = layout
        self._optimiser = optimiser
        self._device = device
        self._precision = precision
        self._run = self._plain
        if graphs:
            self._recorded = torch.compile(self.as_one_graph, **GRAPHS)
            self._run = self._replay
        elif compiled:
            self._run = torch.compile(self.as_one_graph, **COMPILER)

    def __call__(
        self, weights: Tensor, moments: Mapping[str, Tensor], inputs: StepInputs
    ) -> StepOutput:
        """Train `weights` and `moments`, each [trials, numbers], by one step in place."""
        return self._run(weights, moments, inputs)

    def _plain(
        self, weights: Tensor, moments: Mapping[str, Tensor], inputs: StepInputs
    ) -> StepOutput:
        with autocast(self._device, self._precision):
            totals, terms, state = self._program.losses(inputs.loss)
        gradients = self._program.gradients(totals)
        with torch.no_grad():
            gradients = self._optimiser.gathered(gradients)
            update = _update(totals, gradient_norms(gradients), inputs)
            self._optimiser.step(weights, moments, gradients, update)
            return _output(totals, terms, state, inputs, update.active)

    def _replay(
        self, weights: Tensor, moments: Mapping[str, Tensor], inputs: StepInputs
    ) -> StepOutput:
        """Do the same as a CUDA graph; what a step writes in place stays where it is."""
        for tensor in (weights, *moments.values()):
            torch._dynamo.mark_static_address(tensor)
        torch.compiler.cudagraph_mark_step_begin()
        terms, state, counters = self._recorded(weights, moments, inputs)
        # The next replay writes its own to the same place.
        return StepOutput(
            {name: tensor.clone() for name, tensor in terms.items()},
            {name: tensor.clone() for name, tensor in state.items()},
            TrialCounters(*(tensor.clone() for tensor in counters)),
        )

    @torch.no_grad()
    def as_one_graph(
        self, weights: Tensor, moments: Mapping[str, Tensor], inputs: StepInputs
    ) -> StepOutput:
        """Do the same in the form that is compiled."""

        def summed(leaves: Tensors) -> tuple[Tensor, tuple[Tensor, Tensors, Tensors]]:
            with autocast(self._device, self._precision):
                losses = self._program.batched(leaves, inputs.loss)
            return losses[0].sum(), losses

        by_name, (totals, terms, state) = torch.func.grad(summed, has_aux=True)(
            self._layout.stacked(weights)
        )
        gradient = torch.cat([g.flatten(1) for g in by_name.values()], dim=1)
        update = _update(totals, gradient_norms([gradient]), inputs)
        self._optimiser.step_matrix(weights, moments, gradient, update)
        return _output(totals, terms, state, inputs, update.active)


def _update(totals: Tensor, norms: Tensor, inputs: StepInputs) -> Update:
    """Return the numbers of the update; a trial that diverges now is frozen before it."""
    hyper = inputs.loss.hyper
    return Update(
        rate=inputs.rate,
        decay=hyper["training.weight_decay"],
        momentum=hyper["training.momentum"],
        shrink=clip_divisor(norms, hyper["training.gradient_clip"]),
        active=inputs.counters.alive & torch.isfinite(totals) & torch.isfinite(norms),
        number=inputs.loss.clock.step + 1,
        corrections=inputs.corrections,
    )


def _output(
    totals: Tensor, terms: Tensors, state: Tensors, inputs: StepInputs, active: Tensor
) -> StepOutput:
    """Return the step's outcome, once the trials in `active` were updated."""
    alive, diverged_at, steps, sums = inputs.counters
    row = torch.stack([totals, *terms.values()], dim=1).float()
    counters = TrialCounters(
        alive=active,
        diverged_at=torch.where(alive & ~active, inputs.loss.clock.step.long(), diverged_at),
        steps=steps + active,
        sums=sums + torch.where(active[:, None], row, 0.0),
    )
    return StepOutput(terms, where_alive(active, state, inputs.loss.state), counters)
