"""A cohort: trials of one shape trained together, step by step and epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from latentlab.compute.device import autocast
from latentlab.training.contract import Clock, Method, MethodDefaults, Tensors
from latentlab.training.data import StudyData
from latentlab.training.group import TrainingGroup
from latentlab.training.noise import NoiseFeed
from latentlab.training.optimiser import (
    Optimiser,
    corrections,
    fused_kernels_work,
    moment_names,
)
from latentlab.training.parameters import ParameterLayout
from latentlab.training.program import LossInputs, LossProgram, updated_only
from latentlab.training.state import CohortState, snapshot, where_alive
from latentlab.training.step import StepInputs, TrainingStep, TrialCounters
from latentlab.training.step_loop import LARGEST, StepLoop, StepRows
from latentlab.training.streams import BLOCK_STEPS, generator
from latentlab.training.trial import Trial
from latentlab.training.validation import ValidationFeed

BYTES_PER_WEIGHT = 24
"""A weight, two moments, its gradient and their temporaries, in float32."""


class Cohort(TrainingGroup):
    """Trains trials of one signature together.

    Args:
        method: the study's formulas.
        trials: trials of one signature and one data set.
        data: the data on the device.
        device: where to compute.
        precision: of matrix products, as in the `compute` block.
        compiled: compile the batched loss; tolerance-equal to the plain form, not bit-equal.
        graphs: replay the compiled step as a CUDA graph.
        state: state to continue from; none starts anew.

    Raises:
        UserError: too few examples for a batch, or `training.monitor` names no score.
    """

    def __init__(
        self,
        method: Method,
        trials: Sequence[Trial],
        data: StudyData,
        device: torch.device,
        precision: str = "float32",
        compiled: bool = False,
        graphs: bool = False,
        state: CohortState | None = None,
    ) -> None:
        super().__init__(method, trials, data, device, precision)
        self.method = method
        models = [
            method.build(t.config, data.spec, generator(t.stream, "initialisation"))
            for t in (trials if state is None else trials[:1])
        ]
        self.layout = ParameterLayout.of(models[0])
        self._program = LossProgram(models[0], method.loss, self.layout)
        self._optimiser = Optimiser(
            self.config.training,
            self.layout,
            method.parameter_multipliers(self.config),
            device,
            fused=fused_kernels_work(device),
        )
        self._step = TrainingStep(
            self._program, self.layout, self._optimiser, device, precision, compiled, graphs
        )
        # Where a method looks in between, or each step is long, steps are taken one by one.
        small = len(trials) * self.layout.size <= LARGEST
        looped = (
            compiled and small and device.type == "cpu" and not _overrides(method, "after_step")
        )
        self._loop = StepLoop(self._step.as_one_graph, data.train) if looped else None
        if state is None:
            weights = torch.stack([self.layout.flatten(model) for model in models]).to(device)
            self._start(trials, self._new_state(list(trials), weights), anew=True)
        else:
            self._start(trials, state, anew=False)

    def gathered(self) -> CohortState:
        """Return the state, which always is up to date."""
        return self.state

    def tensors_of(self, state: CohortState, index: int) -> Tensors:
        """Return one trial's parameters by name, and its method state under `state.`."""
        kept = dict(state.best or snapshot(state.weights, state.method_state))
        parameters = self.layout.single(kept.pop("weights")[index])
        tensors = parameters | {name: tensor[index] for name, tensor in kept.items()}
        return {name: tensor.clone() for name, tensor in tensors.items()}

    def bytes_of_a_trial(self) -> int:
        """Return the bytes of a trial's weights, moments, gradient and blocks of noise."""
        noise = self.method.noise_spec(self.config, self.data.spec, self.batch_size)
        drawn = BLOCK_STEPS * sum(math.prod(shape) for shape, _ in noise.values())
        return BYTES_PER_WEIGHT * self.layout.size + 4 * drawn

    def _new_state(self, trials: list[Trial], weights: Tensor) -> CohortState:
        states = [
            self.method.init_state(t.config, self.data.spec, generator(t.stream, "state"))
            for t in trials
        ]
        training = self.config.training
        method_state = {
            name: torch.stack([s[name] for s in states]).to(self.device) for name in states[0]
        }
        kept = snapshot(weights, method_state) if training.keep == "best" else {}
        return self._initial_state(
            len(trials),
            weights=weights,
            moments={name: torch.zeros_like(weights) for name in moment_names(training)},
            method_state=method_state,
            best={name: t.clone() for name, t in kept.items()},
        )

    def _set_trials(self, trials: list[Trial], state: CohortState) -> None:
        super()._set_trials(trials, state)
        streams = [t.stream for t in trials]
        self._validation = ValidationFeed(
            self.method, self.config, self.data, streams, self._validation_index, self.device
        )
        self._noise = NoiseFeed(
            streams,
            self.method.noise_spec(self.config, self.data.spec, self.batch_size),
            self.device,
        )
        self._optimiser.forget_slices()
        self._program.bind(state.weights)

    def _term_names(self) -> tuple[str, ...]:
        self._begin_epoch()
        with torch.no_grad():
            _, terms, _ = self._program.losses(self._inputs(0).loss)
        return tuple(terms)

    def _begin_epoch(self) -> None:
        super()._begin_epoch()
        self._corrections = corrections(self._step_numbers + 1)
        epoch = self.state.step // self.epoch_steps
        self._epoch_number = torch.tensor(float(epoch), device=self.device)
        self._total_steps = torch.tensor(float(self.total_steps), device=self.device)

    def _clock(self, index: int) -> Clock:
        return Clock(self._step_numbers[index], self._epoch_number, self._total_steps)

    def _inputs(self, index: int) -> StepInputs:
        """Return what the step of this index in the epoch reads."""
        assert self._order is not None
        size = self.batch_size
        return StepInputs(
            loss=LossInputs(
                batch=self.data.train.batch(self._order[:, index * size : (index + 1) * size]),
                hyper=self.hyper,
                noise=self._noise.at(self.state.step),
                state=self.state.method_state,
                clock=self._clock(index),
            ),
            rate=self._rates[index],
            corrections=self._corrections[index],
            counters=TrialCounters(
                self.state.alive, self.state.diverged_at, self.state.steps, self.state.sums
            ),
        )

    def _train_steps(self, index: int, most: int) -> int:
        if self._loop is None:
            return super()._train_steps(index, most)
        assert self._order is not None
        step, size = self.state.step, self.batch_size
        noise = self._noise.block(step)
        place = step % BLOCK_STEPS
        count = min(most, self.epoch_steps - index, BLOCK_STEPS - place if noise else most)
        rows = StepRows(
            order=self._order[:, : self.epoch_steps * size].unflatten(1, (-1, size)),
            numbers=self._step_numbers,
            rates=self._rates,
            corrections=self._corrections,
            noise=noise,
            seeds=self._noise.rows,
            epoch=self._epoch_number,
            total=self._total_steps,
            hyper=self.hyper,
        )
        self._loop(self.state, rows, index, index + count, place)
        return count

    def _train_step(self, index: int) -> None:
        state = self.state
        output = self._step(state.weights, state.moments, self._inputs(index))
        state.alive, state.diverged_at, state.steps, state.sums = output.counters
        state.method_state = output.state
        if _overrides(self.method, "after_step"):
            with torch.no_grad():
                after = self._per_trial(self.method.after_step)
                new = after(state.method_state, output.terms, self.hyper, self._clock(index))
                state.method_state = where_alive(state.alive, new, state.method_state)

    def _per_trial(self, function: Callable[..., Tensors]) -> Callable[..., Tensors]:
        """Map a pure function of one trial's state over the trial axis; the clock is shared."""

        def updated(state: Tensors, *arguments: Any) -> Tensors:
            return updated_only(function(state, *arguments), state)

        return torch.func.vmap(updated, in_dims=(0, 0, 0, None))

    def _after_epoch(self, scores: Tensors) -> None:
        if not _overrides(self.method, "after_epoch"):
            return
        state = self.state
        after = self._per_trial(self.method.after_epoch)
        with torch.no_grad():
            clock = self._clock(self.epoch_steps - 1)
            new = after(state.method_state, scores, self.hyper, clock)
            state.method_state = where_alive(state.alive, new, state.method_state)

    def _snapshot(self) -> Mapping[str, Tensor]:
        return snapshot(self.state.weights, self.state.method_state)

    @torch.no_grad()
    def _validate(self) -> Tensor:
        """Return means of the loss terms over the validation examples, [trials, terms]."""
        means = torch.zeros_like(self.state.sums)
        clock = self._clock(self.epoch_steps - 1)
        with autocast(self.device, self.precision):
            for batch, noise, share in self._validation.batches():
                inputs = LossInputs(batch, self.hyper, noise, self.state.method_state, clock)
                total, terms, _ = self._program.losses(inputs)
                means += torch.stack([total, *terms.values()], dim=1).float() * share
        return means


def _overrides(method: Method, part: str) -> bool:
    """Return whether a study has its own form of a part that most leave as it is."""
    return getattr(type(method), part) is not getattr(MethodDefaults, part)
