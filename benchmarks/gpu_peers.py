"""The loops that `gpu.py` times on a device, each as a function that trains by some steps.

Each returns the number of trial-steps that it did. Peers draw batches and noise on the device, and
update by torch's fused Adam; they check nothing, as one would write them by hand.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.data import load_prepared
from latentlab.training.cohort import Cohort
from latentlab.training.contract import Clock, Method
from latentlab.training.data import StudyData
from latentlab.training.per_trial import per_trial_values
from latentlab.training.trial import Trial

Steps = Callable[[], int]


@dataclass(frozen=True)
class Case:
    """What is trained, and where; picklable, for peers in processes of their own."""

    method: Method
    trials: tuple[Trial, ...]
    prepared: Path
    device: str

    @property
    def data(self) -> StudyData:
        """The data on the device, loaded once per process."""
        return _data_of(self.prepared, self.device)


@functools.cache
def _data_of(prepared: Path, device: str) -> StudyData:
    return StudyData.of(load_prepared(prepared), torch.device(device))


def ours(case: Case, **form: bool) -> Steps:
    """A cohort in a form of its step; validation at the end of an epoch is left out."""
    cohort = Cohort(case.method, case.trials, case.data, torch.device(case.device), **form)
    count = len(case.trials)

    def step() -> int:
        if cohort.state.step + 1 >= cohort.epoch_steps:
            cohort.restart()
        # A compiled cohort of a CPU takes several in one call.
        before = cohort.state.step
        cohort.advance(max(1, cohort.epoch_steps - 1 - before))
        return (cohort.state.step - before) * count

    return step


class _Objective(nn.Module):
    """A trial's model and loss as one module."""

    def __init__(self, case: Case, trial: Trial) -> None:
        super().__init__()
        self.model = case.method.build(trial.config, case.data.spec, np.random.default_rng(0))
        self._loss = case.method.loss

    def forward(self, batch: Any, hyper: Any, noise: Any, state: Any, clock: Clock) -> Tensor:
        """The total loss."""
        return self._loss(self.model, batch, hyper, noise, state, clock)[0]


class _Inputs:
    """Random batches and noise of so many trials; of one without a trial axis."""

    def __init__(self, case: Case, trials: tuple[Trial, ...]) -> None:
        config, device = trials[0].config, torch.device(case.device)
        self._axis = (len(trials),) if len(trials) > 1 else ()
        self._data, self._batch = case.data.train, config.training.batch_size
        self._generator = torch.Generator(device).manual_seed(0)
        self._noise = case.method.noise_spec(config, case.data.spec, self._batch)
        values = [per_trial_values(trial.config) for trial in trials]
        self.hyper = {
            name: torch.tensor([v[name] for v in values], device=device).reshape(self._axis)
            for name in values[0]
        }
        rng = np.random.default_rng(0)
        states = [case.method.init_state(config, case.data.spec, rng) for _ in trials]
        self.state = {
            name: torch.stack([s[name] for s in states])
            .reshape((*self._axis, *first.shape))
            .to(device)
            for name, first in states[0].items()
        }
        self.clock = Clock(*(torch.tensor(x, device=device) for x in (0.0, 0.0, 1.0)))

    def __call__(self) -> tuple[Any, Any, Any, Any, Clock]:
        """Draw those of a step."""
        device = self.clock.step.device
        shape = (*self._axis, self._batch)
        index = torch.randint(len(self._data), shape, generator=self._generator, device=device)
        noise = {
            name: (torch.rand if kind == "uniform" else torch.randn)(
                (*self._axis, *shape), generator=self._generator, device=device
            )
            for name, (shape, kind) in self._noise.items()
        }
        return self._data.batch(index), self.hyper, noise, self.state, self.clock


def one_eager(case: Case) -> Steps:
    """One trial by the loop that one would write by hand."""
    trial = case.trials[0]
    objective = _Objective(case, trial).to(case.device)
    inputs = _Inputs(case, (trial,))
    rate = trial.config.training.learning_rate
    optimiser = torch.optim.Adam(objective.parameters(), lr=rate, fused=True)

    def step() -> int:
        optimiser.zero_grad()
        objective(*inputs()).backward()
        optimiser.step()
        return 1

    return step


def ensembled(case: Case, compiled: bool) -> Steps:
    """PyTorch's recipe of model ensembling: stacked parameters, `vmap` of `grad`, one Adam."""
    objectives = [_Objective(case, trial).to(case.device) for trial in case.trials]
    parameters, _ = torch.func.stack_module_state(objectives)
    base = objectives[0]
    inputs = _Inputs(case, case.trials)
    rate = case.trials[0].config.training.learning_rate
    optimiser = torch.optim.Adam(list(parameters.values()), lr=rate, fused=True)

    def loss(parameters: Any, *given: Any) -> Tensor:
        return torch.func.functional_call(base, parameters, given)

    gradients_of = torch.func.vmap(torch.func.grad(loss), in_dims=(0, 0, 0, 0, 0, None))
    if compiled:
        gradients_of = torch.compile(gradients_of, dynamic=False)

    def step() -> int:
        for name, gradient in gradients_of(
            {n: p.detach() for n, p in parameters.items()}, *inputs()
        ).items():
            parameters[name].grad = gradient
        optimiser.step()
        return len(case.trials)

    return step


def with_jax(case: Case) -> Steps:
    """The auto-encoder by JAX's `vmap`, `jit` and `scan`.

    Raises:
        ImportError: JAX is not there.
    """
    # It would take most of the GPU's memory for itself as it starts.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from jax_peer import epochs_of

    config, count = case.trials[0].config, len(case.trials)
    pixels = math.prod(case.data.spec.shape)
    widths = (pixels, config.hidden, config.code, config.hidden, pixels)
    order = torch.arange(len(case.data.train), device=case.device)
    features = case.data.train.batch(order).features.flatten(1).cpu().numpy()
    epoch = epochs_of(widths, count, features, config.training.batch_size)
    return lambda: epoch() * count
