"""A cohort: trials of one shape trained together, as one batched program.

The loss of one trial is written without a trial axis; `vmap` adds it. Trials share no graph, so
the gradient of the sum of their losses is the stack of their gradients, and plain autograd takes
it. A cohort of one runs without `vmap`: the same formulas, less dispatch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.compute.device import autocast
from latentlab.training.contract import Batch, Clock, Method, MethodDefaults, Tensors
from latentlab.training.data import StudyData, steps_per_epoch
from latentlab.training.noise import NoiseFeed
from latentlab.training.optimiser import (
    Optimiser,
    Update,
    clip_divisor,
    fused_kernels_work,
    gradient_norms,
    moment_names,
)
from latentlab.training.parameters import Layout
from latentlab.training.per_trial import per_trial_values
from latentlab.training.schedules import learning_rates
from latentlab.training.state import CohortState, kept_where
from latentlab.training.streams import evaluation_noise, generator, permutation
from latentlab.training.trial import Trial
from latentlab.training.watch import initial_watch, watched

LossArguments = tuple[Batch, Tensors, Tensors, Tensors, Clock]
Loss = Callable[..., tuple[Tensor, Tensors, Tensors]]


class _Objective(nn.Module):
    """A model and its loss as one module, so that `functional_call` can swap the parameters."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def forward(self, *arguments: Any) -> tuple[Tensor, Tensors, Tensors]:
        return self._loss(self.model, *arguments)


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
        self.compiled = compiled
        self.config: Any = trials[0].config
        models = [
            method.build(t.config, data.spec, generator(t.stream, "initialisation"))
            for t in (trials if state is None else trials[:1])
        ]
        self._objective = _Objective(models[0], method.loss)
        self.layout = Layout.of(models[0])
        self._optimiser = Optimiser(
            self.config.training,
            self.layout,
            method.parameter_multipliers(self.config),
            fused=fused_kernels_work(device),
        )
        self._settle(list(trials), state or self._initial_state(list(trials), models))
        self.terms = ("total", *self._term_names())
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
        self._settle([self.trials[place] for place in keep], state)

    def restart(self) -> None:
        """Set the step back to 0 with the weights as they are, for timing."""
        self.state.step = 0

    def advance(self) -> bool:
        """One step of every living trial; True where it ended an epoch."""
        place = self.state.step % self.epoch_steps
        if place == 0 or self._order is None:
            self._begin_epoch()
        self._train_step(place)
        self.state.step += 1
        if self.state.step % self.epoch_steps:
            return False
        self._end_epoch(self.state.step // self.epoch_steps - 1)
        return True

    def _initial_state(self, trials: list[Trial], models: Sequence[nn.Module]) -> CohortState:
        weights = torch.stack([self.layout.flatten(model) for model in models]).to(self.device)
        carried = [
            self.method.init_state(t.config, self.data.spec, generator(t.stream, "state"))
            for t in trials
        ]
        count = len(trials)
        training = self.config.training
        empty = torch.zeros(count, 0, device=self.device)
        return CohortState(
            step=0,
            weights=weights,
            moments={name: torch.zeros_like(weights) for name in moment_names(training)},
            carried={
                name: torch.stack([c[name] for c in carried]).to(self.device) for name in carried[0]
            },
            alive=torch.ones(count, dtype=torch.bool, device=self.device),
            diverged_at=torch.full((count,), -1, device=self.device),
            steps=torch.zeros(count, dtype=torch.long, device=self.device),
            seconds=torch.zeros(count, device=self.device),
            sums=empty,
            watch=initial_watch(count, self.device),
            best=weights.clone() if training.keep == "best" else None,
            history=empty[:, None, :],
        )

    def _settle(self, trials: list[Trial], state: CohortState) -> None:
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
        self._validation_index = torch.from_numpy(
            np.stack([parts[t.stream][1] for t in trials])
        ).to(self.device)
        self.epoch_steps = steps_per_epoch(len(self._train_index[0]), training.batch_size)
        self._noise = NoiseFeed(
            [t.stream for t in trials],
            self.method.noise_spec(self.config, self.data.spec, training.batch_size),
            self.device,
        )
        self._optimiser.forget_slices()
        self._order: Tensor | None = None
        self._validation_noise: list[Tensors] | None = None
        if len(trials) == 1:
            views = self.layout.single(state.weights[0])
            for name, parameter in self._objective.model.named_parameters():
                parameter.data = views[name]
            self._leaves = dict(self._objective.model.named_parameters())
        else:
            stacked = self.layout.stacked(state.weights)
            self._leaves = {name: view.detach().requires_grad_() for name, view in stacked.items()}
        self._batched = torch.func.vmap(self._one, in_dims=(0, 0, 0, 0, 0, None))
        self._batched_for_training: Loss = (
            torch.compile(self._batched, dynamic=False) if self.compiled else self._batched
        )

    def _one(self, parameters: Tensors, *arguments: Any) -> tuple[Tensor, Tensors, Tensors]:
        """The loss of one trial with these parameters, for `vmap`."""
        swapped = {f"model.{name}": tensor for name, tensor in parameters.items()}
        result: tuple[Tensor, Tensors, Tensors] = torch.func.functional_call(
            self._objective, swapped, arguments
        )
        return result

    def _losses(
        self, batch: Batch, noise: Tensors, clock: Clock, training: bool
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Totals [trials], terms [trials] each, and new states [trials, ...] each."""
        carried = self.state.carried
        if len(self.trials) > 1:
            run = self._batched_for_training if training else self._batched
            return run(self._leaves, batch, self.hyper, noise, carried, clock)
        total, terms, new = self._objective(
            Batch(batch.features[0], batch.labels[0]),
            _first(self.hyper),
            _first(noise),
            _first(carried),
            clock,
        )
        return total[None], _lift(terms), _lift(new)

    def _term_names(self) -> tuple[str, ...]:
        """Names of the loss terms, from one batch that trains nothing."""
        self._begin_epoch()
        with torch.no_grad():
            _, terms, _ = self._losses(*self._step_inputs(0), training=False)
        return tuple(terms)

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
        self._epoch_number = torch.tensor(float(epoch), device=self.device)
        self._total_steps = torch.tensor(float(self.total_steps), device=self.device)

    def _clock(self, place: int) -> Clock:
        return Clock(self._step_numbers[place], self._epoch_number, self._total_steps)

    def _step_inputs(self, place: int) -> tuple[Batch, Tensors, Clock]:
        assert self._order is not None
        size = self.config.training.batch_size
        batch = self.data.train.batch(self._order[:, place * size : (place + 1) * size])
        return batch, self._noise.at(self.state.step), self._clock(place)

    def _train_step(self, place: int) -> None:
        state = self.state
        inputs = self._step_inputs(place)
        with autocast(self.device, self.precision):
            totals, terms, carried = self._losses(*inputs, training=True)
        # A term that is left out may leave parameters without a gradient: theirs is 0.
        gradients: Sequence[Tensor] = torch.autograd.grad(
            totals.sum(), list(self._leaves.values()), allow_unused=True, materialize_grads=True
        )
        with torch.no_grad():
            if len(self.trials) == 1:
                gradients = [gradient[None] for gradient in gradients]
            norms = gradient_norms(gradients)
            finite = torch.isfinite(totals) & torch.isfinite(norms)
            newly = state.alive & ~finite
            state.diverged_at = torch.where(newly, state.step, state.diverged_at)
            # Frozen before its update: a diverged trial keeps its last finite weights and state.
            state.alive = state.alive & finite
            hyper = self.hyper
            update = Update(
                rate=self._rates[place],
                decay=hyper["training.weight_decay"],
                momentum=hyper["training.momentum"],
                shrink=clip_divisor(norms, hyper["training.gradient_clip"]),
                active=state.alive,
            )
            self._optimiser.step(state.weights, state.moments, gradients, state.step, update)
            row = torch.stack([totals, *terms.values()], dim=1).float()
            state.sums += torch.where(state.alive[:, None], row, 0.0)
            state.steps += state.alive
            state.carried = self._kept(carried)
            if _overrides(self.method, "after_step"):
                after = self._per_trial(self.method.after_step)
                state.carried = self._kept(
                    after(state.carried, terms, self.hyper, self._clock(place))
                )

    def _kept(self, carried: Tensors) -> Tensors:
        """The new carried state of living trials and the old one of the others."""
        return kept_where(self.state.alive, carried, self.state.carried)

    def _per_trial(self, function: Callable[..., Tensors]) -> Callable[..., Tensors]:
        """A pure function of one trial's tensors, over the trial axis; the clock is shared."""
        return torch.func.vmap(function, in_dims=(0, 0, 0, None))

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
                state.carried = self._kept(
                    after(state.carried, scores, self.hyper, self._clock(self.epoch_steps - 1))
                )
        watch, improved, stop = watched(
            state.watch, scores[training.monitor], epoch, training, self.hyper
        )
        alive = state.alive
        state.watch = {
            name: torch.where(alive, new, state.watch[name]) for name, new in watch.items()
        }
        if state.best is not None:
            state.best = torch.where((alive & improved)[:, None], state.weights, state.best)
        state.alive = alive & ~stop

    @torch.no_grad()
    def _validate(self) -> Tensor:
        """Means of the loss terms over the validation examples, [trials, terms]."""
        examples = self._validation_index.shape[1]
        # In batches of the training size, whatever the cohort: the pieces decide which noise an
        # example gets, and some terms depend on the size of a batch.
        pieces = self._validation_index.split(self.config.training.batch_size, dim=1)
        if self._validation_noise is None:
            self._validation_noise = self._draw_validation_noise([p.shape[1] for p in pieces])
        source = self.data.validation or self.data.train
        means = torch.zeros_like(self.state.sums)
        with autocast(self.device, self.precision):
            for piece, noise in zip(pieces, self._validation_noise, strict=True):
                total, terms, _ = self._losses(
                    source.batch(piece), noise, self._clock(self.epoch_steps - 1), training=False
                )
                row = torch.stack([total, *terms.values()], dim=1).float()
                means += row * (piece.shape[1] / examples)
        return means

    def _draw_validation_noise(self, sizes: Sequence[int]) -> list[Tensors]:
        """The noise of each piece of the validation examples, the same in every epoch."""
        noise = []
        for number, size in enumerate(sizes):
            spec = self.method.evaluation_noise_spec(self.config, self.data.spec, size)
            drawn = {
                t.stream: evaluation_noise(t.stream, spec, f"validation/{number}")
                for t in self.trials
            }
            noise.append(
                {
                    name: torch.from_numpy(
                        np.stack([drawn[t.stream][name] for t in self.trials])
                    ).to(self.device)
                    for name in spec
                }
            )
        return noise


def _first(tensors: Mapping[str, Tensor]) -> Tensors:
    return {name: tensor[0] for name, tensor in tensors.items()}


def _lift(tensors: Mapping[str, Tensor]) -> Tensors:
    return {name: tensor[None] for name, tensor in tensors.items()}


def _overrides(method: Method, part: str) -> bool:
    """Whether a study has its own form of a part that most leave as it is."""
    return getattr(type(method), part) is not getattr(MethodDefaults, part)
