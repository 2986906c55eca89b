"""A cohort: trials of one shape trained together, step by step and epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.compute.device import autocast
from latentlab.core.errors import UserError
from latentlab.training.contract import Clock, Method, MethodDefaults, Tensors
from latentlab.training.data import StudyData, steps_per_epoch
from latentlab.training.noise import NoiseFeed
from latentlab.training.optimiser import (
    Optimiser,
    corrections,
    fused_kernels_work,
    moment_names,
)
from latentlab.training.parameters import ParameterLayout
from latentlab.training.per_trial import per_trial_values
from latentlab.training.plateau import initial_watch, watched
from latentlab.training.program import LossInputs, LossProgram, updated_only
from latentlab.training.schedules import learning_rates
from latentlab.training.state import CohortState, snapshot, where_alive
from latentlab.training.step import StepInputs, TrainingStep, TrialCounters
from latentlab.training.streams import generator, permutation
from latentlab.training.trial import Trial
from latentlab.training.validation import ValidationFeed


class Cohort:
    """Trains trials of one signature together.

    Args:
        method: the study's formulas.
        trials: trials of one signature and one data set.
        data: the data on the device.
        device: where to compute.
        precision: of matrix products, as in the `compute` block.
        compiled: compile the batched loss; tolerance-equal to the plain form, not bit-equal.
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
        state: CohortState | None = None,
    ) -> None:
        self.method = method
        self.data = data
        self.device = device
        self.precision = precision
        self.config: Any = trials[0].config
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
            self._program, self.layout, self._optimiser, device, precision, compiled
        )
        self._set_trials(list(trials), state or self._initial_state(list(trials), models))
        self.terms = ("total", *self._term_names())
        self._check_monitor()
        if state is None:
            self.state.sums = torch.zeros(len(trials), len(self.terms), device=device)
            self.state.history = torch.zeros(len(trials), 0, len(self.scores), device=device)

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the scores that an epoch leaves in the history."""
        return (
            *(f"train_{term}" for term in self.terms),
            *(f"validation_{term}" for term in self.terms),
            "learning_rate",
        )

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return int(self.config.training.epochs) * self.epoch_steps

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return self.state.step >= self.total_steps or not bool(self.state.alive.any())

    def select(self, keep: Sequence[int]) -> None:
        """Drop all trials but those at `keep`; the others go on bit for bit."""
        index = torch.tensor(list(keep), device=self.device)
        state = self.state.map(lambda tensor: tensor.index_select(0, index))
        self._set_trials([self.trials[i] for i in keep], state)

    def restart(self) -> None:
        """Set the step back to 0 with the weights as they are, for timing."""
        self.state.step = 0

    def advance(self) -> bool:
        """Train every living trial by one step; return whether it ended an epoch."""
        index = self.state.step % self.epoch_steps
        if index == 0 or self._order is None:
            self._begin_epoch()
        self._train_step(index)
        self.state.step += 1
        if self.state.step % self.epoch_steps:
            return False
        self._end_epoch(self.state.step // self.epoch_steps - 1)
        return True

    def _initial_state(self, trials: list[Trial], models: Sequence[nn.Module]) -> CohortState:
        weights = torch.stack([self.layout.flatten(model) for model in models]).to(self.device)
        states = [
            self.method.init_state(t.config, self.data.spec, generator(t.stream, "state"))
            for t in trials
        ]
        count = len(trials)
        training = self.config.training
        empty = torch.zeros(count, 0, device=self.device)
        method_state = {
            name: torch.stack([s[name] for s in states]).to(self.device) for name in states[0]
        }
        return CohortState(
            step=0,
            weights=weights,
            moments={name: torch.zeros_like(weights) for name in moment_names(training)},
            method_state=method_state,
            alive=torch.ones(count, dtype=torch.bool, device=self.device),
            diverged_at=torch.full((count,), -1, device=self.device),
            steps=torch.zeros(count, dtype=torch.long, device=self.device),
            seconds=torch.zeros(count, device=self.device),
            sums=empty,
            watch=initial_watch(count, self.device),
            best={name: t.clone() for name, t in snapshot(weights, method_state).items()}
            if training.keep == "best"
            else {},
            history=empty[:, None, :],
        )

    def _set_trials(self, trials: list[Trial], state: CohortState) -> None:
        """Take these trials and this state, and build what is derived from them."""
        self.trials = trials
        self.state = state
        training = self.config.training
        values = [per_trial_values(trial.config) for trial in trials]
        self.hyper = {
            name: torch.tensor([v[name] for v in values], device=self.device) for name in values[0]
        }
        parts = {
            t.stream: self.data.partition(t.stream, training.validation_fraction) for t in trials
        }
        self._train_index = [parts[t.stream][0] for t in trials]
        self.epoch_steps = steps_per_epoch(len(self._train_index[0]), training.batch_size)
        streams = [t.stream for t in trials]
        self._validation = ValidationFeed(
            self.method,
            self.config,
            self.data,
            streams,
            [parts[stream][1] for stream in streams],
            self.device,
        )
        self._noise = NoiseFeed(
            streams,
            self.method.noise_spec(self.config, self.data.spec, training.batch_size),
            self.device,
        )
        self._optimiser.forget_slices()
        self._order: Tensor | None = None
        self._program.bind(state.weights)

    def _term_names(self) -> tuple[str, ...]:
        """Return names of the loss terms, from one batch that trains nothing."""
        self._begin_epoch()
        with torch.no_grad():
            _, terms, _ = self._program.losses(self._inputs(0).loss)
        return tuple(terms)

    def _check_monitor(self) -> None:
        monitor = self.config.training.monitor
        known = [name for name in self.scores if name.startswith(("train_", "validation_"))]
        if monitor not in known:
            raise UserError(
                f"training.monitor is {monitor}, but the loss of {self.method.name} has no such "
                "term",
                f"Watch one of: {', '.join(known)}.",
            )

    def _begin_epoch(self) -> None:
        training = self.config.training
        epoch = self.state.step // self.epoch_steps
        orders = {
            t.stream: index[permutation(t.stream, epoch, len(index))]
            for t, index in zip(self.trials, self._train_index, strict=True)
        }
        order = np.stack([orders[t.stream] for t in self.trials])
        self._order = torch.from_numpy(order).to(self.device)
        first = epoch * self.epoch_steps
        self._step_numbers = torch.arange(
            first, first + self.epoch_steps, dtype=torch.float32, device=self.device
        )
        self._rates = self.state.watch["factor"] * learning_rates(
            training, self.hyper, self._step_numbers, self.epoch_steps, self.total_steps
        )
        self._corrections = corrections(self._step_numbers + 1)
        self._epoch_number = torch.tensor(float(epoch), device=self.device)
        self._total_steps = torch.tensor(float(self.total_steps), device=self.device)

    def _clock(self, index: int) -> Clock:
        return Clock(self._step_numbers[index], self._epoch_number, self._total_steps)

    def _inputs(self, index: int) -> StepInputs:
        """Return what the step of this index in the epoch reads."""
        assert self._order is not None
        size = self.config.training.batch_size
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

    def _end_epoch(self, epoch: int) -> None:
        training = self.config.training
        state = self.state
        train = state.sums / self.epoch_steps
        last = epoch + 1 == training.epochs
        if (epoch + 1) % training.validate_every == 0 or last:
            validation = self._validate()
        else:
            validation = torch.full_like(train, torch.nan)
        row = torch.cat([train, validation, self._rates[-1][:, None]], dim=1)
        row = torch.where(state.alive[:, None], row, torch.nan)
        state.history = torch.cat([state.history, row[:, None]], dim=1)
        state.sums = torch.zeros_like(state.sums)
        scores = dict(zip(self.scores, row.unbind(1), strict=True))
        if _overrides(self.method, "after_epoch"):
            after = self._per_trial(self.method.after_epoch)
            with torch.no_grad():
                clock = self._clock(self.epoch_steps - 1)
                new = after(state.method_state, scores, self.hyper, clock)
                state.method_state = where_alive(state.alive, new, state.method_state)
        watch, improved, stop = watched(
            state.watch, scores[training.monitor], epoch, training, self.hyper
        )
        alive = state.alive
        state.watch = {
            name: torch.where(alive, new, state.watch[name]) for name, new in watch.items()
        }
        if state.best:
            now = snapshot(state.weights, state.method_state)
            state.best = where_alive(alive & improved, now, state.best)
        state.alive = alive & ~stop

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
