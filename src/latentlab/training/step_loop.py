"""Many steps of a small cohort as one compiled program: no Python runs between them.

The compiled step of a small model takes less time than it takes Python to call it and its kernels.
Here the batch, the step and the count of steps are in one loop in C++, which is told the first and
the last step: one program serves any number of steps, and the bits do not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._higher_order_ops.while_loop import while_loop

from latentlab.training.contract import Clock, Tensors
from latentlab.training.data import Examples
from latentlab.training.program import LossInputs
from latentlab.training.state import CohortState
from latentlab.training.step import COMPILER, StepInputs, StepOutput, TrialCounters

LARGEST = 1 << 20
"""Numbers in the weight matrix up to which steps are looped. A loop writes new matrices at every
step, which costs what fits in no cache more than the calls that it saves."""

Step = Callable[[Tensor, Mapping[str, Tensor], StepInputs], StepOutput]


class StepRows(NamedTuple):
    """What the steps of an epoch read.

    Attributes:
        order: positions of the examples, [trials, steps, batch].
        numbers: of the steps since the start, [steps].
        rates: learning rates, [steps, trials].
        corrections: of the running averages, [steps, 2].
        noise: the block of noise by name, [block, seeds, *shape].
        seeds: which seed of the noise each trial has, [trials]; None where each has its own.
        epoch: its number, scalar.
        total: steps of the whole training, scalar.
        hyper: per-trial numbers by dotted name.
    """

    order: Tensor
    numbers: Tensor
    rates: Tensor
    corrections: Tensor
    noise: Tensors
    seeds: Tensor | None
    epoch: Tensor
    total: Tensor
    hyper: Tensors


class _Carried(NamedTuple):
    """What a step changes."""

    weights: Tensor
    moments: Tensors
    method_state: Tensors
    counters: TrialCounters


class StepLoop:
    """Trains a cohort on a CPU by several steps in one call.

    Args:
        step: one step, which changes weights and moments in place.
        examples: what is trained on.
    """

    def __init__(self, step: Step, examples: Examples) -> None:
        self._step = step
        self._examples = examples
        options = COMPILER["options"] | {"cpp_wrapper": True}
        self._run: Any = torch.compile(self._looped, **(COMPILER | {"options": options}))

    @torch.no_grad()
    def __call__(
        self, state: CohortState, rows: StepRows, first: int, last: int, noise_at: int
    ) -> None:
        """Train `state` in place by the steps `first` to `last - 1` of an epoch.

        The noise of step `first` is at `noise_at` in its block, that of the others follows it.
        """
        counters = TrialCounters(state.alive, state.diverged_at, state.steps, state.sums)
        carried = _Carried(state.weights, state.moments, state.method_state, counters)
        bounds = (torch.tensor(number) for number in (first, last, noise_at))
        state.method_state, counters = self._run(carried, rows, *bounds)
        state.alive, state.diverged_at, state.steps, state.sums = counters

    def _looped(
        self, carried: _Carried, rows: StepRows, first: Tensor, last: Tensor, noise_at: Tensor
    ) -> tuple[Tensors, TrialCounters]:
        def unfinished(index: Tensor, place: Tensor, carried: _Carried) -> Tensor:
            return index < last

        def body(
            index: Tensor, place: Tensor, carried: _Carried
        ) -> tuple[Tensor, Tensor, _Carried]:
            weights = carried.weights.clone()
            moments = {name: moment.clone() for name, moment in carried.moments.items()}
            inputs = self._inputs(rows, index, place, carried)
            output = self._step(weights, moments, inputs)
            # A loop hands nothing through: what the step left as it was is copied.
            old = carried.method_state
            method_state = {
                name: tensor.clone() if tensor is old[name] else tensor
                for name, tensor in output.state.items()
            }
            return (
                index + 1,
                place + 1,
                _Carried(weights, moments, method_state, output.counters),
            )

        *_, new = while_loop(unfinished, body, (first, noise_at, carried))
        # The model's parameters are views of this very matrix.
        carried.weights.copy_(new.weights)
        for name, moment in new.moments.items():
            carried.moments[name].copy_(moment)
        return new.method_state, new.counters

    def _inputs(
        self, rows: StepRows, index: Tensor, place: Tensor, carried: _Carried
    ) -> StepInputs:
        """Return what one step reads."""
        noise = {name: _row(block, place) for name, block in rows.noise.items()}
        if rows.seeds is not None:
            noise = {name: tensor.index_select(0, rows.seeds) for name, tensor in noise.items()}
        return StepInputs(
            loss=LossInputs(
                batch=self._examples.batch(_row(rows.order, index, axis=1)),
                hyper=rows.hyper,
                noise=noise,
                state=carried.method_state,
                clock=Clock(_row(rows.numbers, index), rows.epoch, rows.total),
            ),
            rate=_row(rows.rates, index),
            corrections=_row(rows.corrections, index),
            counters=carried.counters,
        )


def _row(tensor: Tensor, index: Tensor, axis: int = 0) -> Tensor:
    """Return what is at `index`, a scalar that is known only as the program runs."""
    return tensor.index_select(axis, index.view(1)).squeeze(axis)
