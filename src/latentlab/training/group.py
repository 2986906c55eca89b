"""Trials in training, step by step and epoch by epoch: what a cohort and a plain trial share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentlab.core.errors import UserError
from latentlab.training.contract import AnyMethod, Tensors
from latentlab.training.data import StudyData, steps_per_epoch
from latentlab.training.per_trial import per_trial_values
from latentlab.training.plateau import initial_watch, watched
from latentlab.training.schedules import learning_rates
from latentlab.training.state import CohortState, where_alive
from latentlab.training.streams import permutation
from latentlab.training.trial import Trial

UNWATCHED_SECONDS = 0.05
"""A group that trains by several steps in one call is left alone for about so long."""


def steps_unwatched(steps: int, seconds: float) -> int:
    """Return how many steps to train in one call, where so many took so long; at least 1."""
    return max(1, int(UNWATCHED_SECONDS * steps / seconds))


class TrainingGroup(ABC):
    """Trials of one signature in training.

    Args:
        method: the study's formulas for these trials.
        trials: trials of one signature and one data set.
        data: the data on the device.
        device: where to compute.
        precision: of matrix products, as in the `compute` block.
    """

    state: CohortState

    def __init__(
        self,
        method: AnyMethod,
        trials: Sequence[Trial],
        data: StudyData,
        device: torch.device,
        precision: str,
    ) -> None:
        self.data = data
        self.device = device
        self.precision = precision
        self.config: Any = trials[0].config
        self._method_name = method.name

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

    @property
    def batch_size(self) -> int:
        """Examples of one step."""
        return int(self.config.training.batch_size)

    def select(self, keep: Sequence[int]) -> None:
        """Drop all trials but those at `keep`; the others go on bit for bit."""
        index = torch.tensor(list(keep), device=self.device)
        state = self.state.map(lambda tensor: tensor.index_select(0, index))
        self._set_trials([self.trials[i] for i in keep], state)

    def restart(self, step: int = 0) -> None:
        """Set the step back to 0, or to another, with the weights as they are, for timing."""
        self.state.step = step

    @property
    def idle(self) -> bool:
        """Whether steps take no time, since no trial is trained any more; for timing."""
        return False

    def advance(self, most: int = 1) -> bool:
        """Train every living trial by one step; return whether it ended an epoch.

        A group that can train by several steps in one call trains by up to `most` of this epoch.
        """
        index = self.state.step % self.epoch_steps
        if index == 0 or self._order is None:
            self._begin_epoch()
        self.state.step += self._train_steps(index, most)
        if self.state.step % self.epoch_steps:
            return False
        self._end_epoch(self.state.step // self.epoch_steps - 1)
        return True

    @abstractmethod
    def gathered(self) -> CohortState:
        """Return the state with all that training changes in it, to be stored."""

    @abstractmethod
    def tensors_of(self, state: CohortState, index: int) -> dict[str, Tensor]:
        """Return what is stored of one trial, by name, from a gathered state."""

    @abstractmethod
    def bytes_of_a_trial(self) -> int:
        """Return the bytes that a trial takes beside what a reverse pass stores."""

    def _train_steps(self, index: int, most: int) -> int:
        """Train by steps of the epoch from this index on, at most so many; return how many."""
        self._train_step(index)
        return 1

    @abstractmethod
    def _train_step(self, index: int) -> None:
        """Train by the step of this index in the epoch."""

    @abstractmethod
    def _validate(self) -> Tensor:
        """Return means of the loss terms over the validation examples, [trials, terms]."""

    @abstractmethod
    def _term_names(self) -> tuple[str, ...]:
        """Return names of the loss terms, from one batch that trains nothing."""

    @abstractmethod
    def _snapshot(self) -> Mapping[str, Tensor]:
        """Return what is kept of the best epoch, each [trials, ...]."""

    def _start(self, trials: Sequence[Trial], state: CohortState, anew: bool) -> None:
        """Begin anew, or go on from a stored state.

        Raises:
            UserError: too few examples for a batch, or `training.monitor` names no score.
        """
        self._set_trials(list(trials), state)
        self.terms = ("total", *self._term_names())
        self._check_monitor()
        if anew:
            count = len(self.trials)
            self.state.sums = torch.zeros(count, len(self.terms), device=self.device)
            self.state.history = torch.zeros(count, 0, len(self.scores), device=self.device)

    def _initial_state(
        self, count: int, weights: Tensor, moments: Tensors, method_state: Tensors, best: Tensors
    ) -> CohortState:
        empty = torch.zeros(count, 0, device=self.device)
        return CohortState(
            step=0,
            weights=weights,
            moments=moments,
            method_state=method_state,
            alive=torch.ones(count, dtype=torch.bool, device=self.device),
            diverged_at=torch.full((count,), -1, device=self.device),
            steps=torch.zeros(count, dtype=torch.long, device=self.device),
            seconds=torch.zeros(count, device=self.device),
            sums=empty,
            watch=initial_watch(count, self.device),
            best=best,
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
        self._validation_index = [parts[t.stream][1] for t in trials]
        self.epoch_steps = steps_per_epoch(len(self._train_index[0]), self.batch_size)
        self._order: Tensor | None = None

    def _check_monitor(self) -> None:
        monitor = self.config.training.monitor
        known = [name for name in self.scores if name.startswith(("train_", "validation_"))]
        if monitor not in known:
            raise UserError(
                f"training.monitor is {monitor}, but the loss of {self._method_name} has no such "
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

    def _last_rates(self) -> Tensor:
        """Return the learning rates of this epoch's last step, [trials]."""
        return self._rates[-1]

    @abstractmethod
    def _after_epoch(self, scores: Tensors) -> None:
        """Change what the method changes after an epoch with these scores, [trials] each."""

    def _end_epoch(self, epoch: int) -> None:
        training = self.config.training
        state = self.state
        train = state.sums / self.epoch_steps
        last = epoch + 1 == training.epochs
        if (epoch + 1) % training.validate_every == 0 or last:
            validation = self._validate()
        else:
            validation = torch.full_like(train, torch.nan)
        row = torch.cat([train, validation, self._last_rates()[:, None]], dim=1)
        row = torch.where(state.alive[:, None], row, torch.nan)
        state.history = torch.cat([state.history, row[:, None]], dim=1)
        state.sums = torch.zeros_like(state.sums)
        scores = dict(zip(self.scores, row.unbind(1), strict=True))
        self._after_epoch(scores)
        watch, improved, stop = watched(
            state.watch, scores[training.monitor], epoch, training, self.hyper
        )
        alive = state.alive
        state.watch = {
            name: torch.where(alive, new, state.watch[name]) for name, new in watch.items()
        }
        if state.best:
            state.best = where_alive(alive & improved, self._snapshot(), state.best)
        state.alive = alive & ~stop
