"""A plain trial in training."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from latentlab.compute.generators import seed_generators
from latentlab.core.errors import UserError
from latentlab.training.contract import Tensors
from latentlab.training.data import StudyData
from latentlab.training.group import TrainingGroup
from latentlab.training.plain.method import (
    DivergedError,
    PlainMethod,
    Step,
    checked,
    named_tensors,
    parameters_of,
)
from latentlab.training.state import STATE, CohortState
from latentlab.training.streams import generator, seed_of
from latentlab.training.trial import Trial

_OPTIMISERS, _COUNTERS = "optimisers", "counters"
"""What else a checkpoint holds, as bytes: torch's own state, and numbers that the module counts."""
BYTES_PER_WEIGHT = 16
"""A weight, two moments and a gradient, in float32."""


class PlainTrial(TrainingGroup):
    """Trains one trial by its own module, training step and optimisers.

    Args:
        method: the study's module and training step.
        trials: one trial.
        data: the data on the device.
        device: where to compute.
        precision: of matrix products, as in the `compute` block.
        state: state to continue from; none starts anew.

    Raises:
        UserError: too few examples for a batch, `training.monitor` names no score, or the module
            or its training step is none.
    """

    def __init__(
        self,
        method: PlainMethod,
        trials: Sequence[Trial],
        data: StudyData,
        device: torch.device,
        precision: str = "float32",
        state: CohortState | None = None,
    ) -> None:
        super().__init__(method, trials, data, device, precision)
        (trial,) = trials
        self.method = method
        if method.one_step and self.config.training.epochs != 1:
            raise UserError(
                f"training.epochs is {self.config.training.epochs}, but {method.name} is fitted "
                "in one step",
                "Set training.epochs to 1.",
            )
        self._stream = trial.stream
        self._make()
        training = self.config.training
        self._rates_move = training.schedule != "constant" or bool(
            training.warmup_steps or training.warmup_fraction
        )
        if self._rates_move and self._scheduler is not None:
            raise UserError(
                f"{method.name} has a schedule of its own, and training.schedule or its warm-up is "
                "set too",
                "Leave training.schedule constant without a warm-up, or take the method's away.",
            )
        self._base_rates = [[g["lr"] for g in o.param_groups] for o in self._optimisers]
        if state is not None:
            self._restore(state)
            self._start(trials, state, anew=False)
            return
        weights = torch.zeros(1, 0, device=device)
        new = self._initial_state(1, weights, moments={}, method_state={}, best={})
        if self.config.training.keep == "best":
            new.best = dict(self._snapshot())
        self._start(trials, new, anew=True)

    @property
    def idle(self) -> bool:
        """Whether the trial has ended, and its steps are skipped."""
        return not bool(self.state.alive)

    def restart(self, step: int = 0) -> None:
        """Set the step back, for timing; a trial that has ended begins anew."""
        super().restart(step)
        if self.idle:
            self._make()
            self.state.alive = torch.ones_like(self.state.alive)

    @property
    def batch_size(self) -> int:
        """Examples of one step."""
        return len(self._train_index[0]) if self.method.one_step else super().batch_size

    def gathered(self) -> CohortState:
        """Return the state with the module, its counters and its optimisers in it."""
        states = [o.state_dict() for o in self._optimisers]
        schedule = self._scheduler.state_dict() if self._scheduler is not None else None
        buffer = io.BytesIO()
        torch.save({"optimisers": states, "scheduler": schedule}, buffer)
        self.state.method_state = {
            name.removeprefix(STATE): tensor for name, tensor in self._snapshot().items()
        }
        self.state.moments = {
            _OPTIMISERS: _as_bytes(buffer.getvalue()),
            _COUNTERS: _as_bytes(json.dumps(_counters(self.module)).encode()),
        }
        return self.state

    def tensors_of(self, state: CohortState, index: int) -> Tensors:
        """Return the module's parameters and buffers by name."""
        kept = state.best or {STATE + name: tensor for name, tensor in state.method_state.items()}
        return {name.removeprefix(STATE): t[index].clone() for name, t in kept.items()}

    def bytes_of_a_trial(self) -> int:
        """Return the bytes of the module with moments and gradients."""
        return BYTES_PER_WEIGHT * sum(t.numel() for t in named_tensors(self.module).values())

    def _make(self) -> None:
        """Make the module with its initial weights, its optimisers and their schedule."""
        seed_generators(seed_of(self._stream, "initialisation"))
        weights = generator(self._stream, "initialisation")
        module = self.method.build(self.config, self.data.spec, weights)
        if not isinstance(module, nn.Module):
            raise UserError(
                f"{self.method.name}: build returned {type(module).__name__}, which is no module",
                "Return a torch.nn.Module.",
            )
        self.module = module.to(self.device)
        self._optimisers = self._made_optimisers()
        self._scheduler = self.method.scheduler(self._optimisers, self.config)

    def _made_optimisers(self) -> list[Optimizer]:
        """Return the method's optimisers.

        Raises:
            UserError: there are none, or they update nothing.
        """
        try:
            made = self.method.optimisers(self.module, self.config)
        except ValueError as error:
            if "empty parameter list" not in str(error):
                raise
            made = []
        if isinstance(made, Optimizer):
            made = [made]
        if not self.method.one_step and not parameters_of(made):
            raise UserError(
                f"{self.method.name}: its optimisers hold no parameter",
                "Make them of module.parameters(); layers in a list are found as nn.ModuleList.",
            )
        return list(made)

    def _restore(self, state: CohortState) -> None:
        """Put a stored state into module and optimisers."""
        stored = torch.load(
            io.BytesIO(_of_bytes(state.moments[_OPTIMISERS])), map_location=self.device
        )
        for optimiser, content in zip(self._optimisers, stored["optimisers"], strict=True):
            optimiser.load_state_dict(content)
        if self._scheduler is not None:
            self._scheduler.load_state_dict(stored["scheduler"])
        self._load(state.method_state, json.loads(_of_bytes(state.moments[_COUNTERS])))

    def _load(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Put parameters, buffers and counters into the module."""
        self.method.restore(self.module, {n.removeprefix(STATE): t[0] for n, t in tensors.items()})
        for path, now in _counters(self.module).items():
            part, before = vars(self.module.get_submodule(path)), counters.get(path, {})
            # One that has come since stood in the class before, where it stands still.
            for name in now.keys() - before.keys():
                del part[name]
            part.update(before)

    def _term_names(self) -> tuple[str, ...]:
        self._begin_epoch()
        before, counters = self._snapshot(), _counters(self.module)
        self._seed("step", self.state.step)
        self.module.eval()
        with torch.no_grad():
            found = self.method.validation_step(self.module, self._batch(0), self._at(0))
        self._load(before, counters)
        return tuple(checked(found, self.method.name)[1])

    def _train_step(self, index: int) -> None:
        state = self.state
        if not bool(state.alive):
            return
        self._set_rates(float(self._rates[index, 0] / self.hyper["training.learning_rate"]))
        self._seed("step", state.step)
        self.module.train()
        try:
            found = self.method.update(
                self.module, self._optimisers, self._batch(index), self._at(index)
            )
        except DivergedError:
            state.alive = torch.zeros_like(state.alive)
            state.diverged_at = torch.full_like(state.diverged_at, state.step)
            return
        state.sums = state.sums + self._row(found)
        state.steps = state.steps + 1

    @torch.no_grad()
    def _validate(self) -> Tensor:
        positions = torch.from_numpy(self._validation_index[0]).to(self.device)
        source = self.data.validation or self.data.train
        pieces = positions.split(len(positions) if self.method.one_step else self.batch_size)
        means = torch.zeros_like(self.state.sums)
        self.module.eval()
        for number, piece in enumerate(pieces):
            self._seed("validation", number)
            step = self._at(self.epoch_steps - 1)
            with step.autocast():
                found = self.method.validation_step(self.module, source.batch(piece), step)
            means += self._row(found) * (len(piece) / len(positions))
        return means

    def _last_rates(self) -> Tensor:
        # Its optimisers and its schedule are its own: the first one's rate is what they say.
        rates = [group["lr"] for one in self._optimisers[:1] for group in one.param_groups[:1]]
        return torch.tensor(rates or [torch.nan], dtype=torch.float32, device=self.device)

    def _after_epoch(self, scores: Tensors) -> None:
        if self._scheduler is not None:
            self._scheduler.step()

    def _snapshot(self) -> Mapping[str, Tensor]:
        return {
            # Files hold no strides, and buffers such as a transposed mask have some.
            STATE + name: tensor.detach().clone(memory_format=torch.contiguous_format)[None]
            for name, tensor in named_tensors(self.module).items()
        }

    def _seed(self, purpose: str, number: int) -> None:
        seed_generators(seed_of(self._stream, f"plain {purpose}", number))

    def _at(self, index: int) -> Step:
        epoch = self.state.step // self.epoch_steps
        number = epoch * self.epoch_steps + index
        return Step(number, epoch, self.total_steps, self.config, self.device, self.precision)

    def _batch(self, index: int) -> Any:
        assert self._order is not None
        start = index * self.batch_size
        return self.data.train.batch(self._order[0, start : start + self.batch_size])

    def _row(self, found: Any) -> Tensor:
        """Return total and terms, [1, 1 + terms]."""
        loss, terms = checked(found, self.method.name)
        if tuple(terms) != self.terms[1:]:
            raise UserError(
                f"{self.method.name}: steps have the terms {', '.join(terms) or 'none'}, the first "
                f"one had {', '.join(self.terms[1:]) or 'none'}",
                "Return the same terms from every training and validation step.",
            )
        values = [torch.as_tensor(v, device=self.device).detach() for v in (loss, *terms.values())]
        return torch.stack([value.float().reshape(()) for value in values])[None]

    def _set_rates(self, factor: float) -> None:
        """Multiply the optimisers' rates; where `training` changes none, they are left alone."""
        if not self._rates_move:
            return
        for optimiser, rates in zip(self._optimisers, self._base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor


def _counters(module: nn.Module) -> dict[str, dict[str, Any]]:
    """Return numbers that a module and its parts count in attributes, such as `num_iter`, by part.

    They decide what the next steps do as weights do, and no `state_dict` holds them.
    """
    return {
        path: {
            name: value
            for name, value in vars(part).items()
            if isinstance(value, int | float) and not name.startswith("_") and name != "training"
        }
        for path, part in module.named_modules()
    }


def _as_bytes(content: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(content, dtype=np.uint8).copy())[None]


def _of_bytes(tensor: Tensor) -> bytes:
    return bytes(tensor[0].cpu().numpy().tobytes())
