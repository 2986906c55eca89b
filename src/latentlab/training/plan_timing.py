"""Times plans: steps of the real workload under one of them, and what comes between epochs."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from latentlab.compute.device import compute_with, process_settings_kept
from latentlab.compute.plan import ExecutionPlan
from latentlab.training.contract import AnyMethod
from latentlab.training.data import StudyData
from latentlab.training.group import TrainingGroup, steps_unwatched
from latentlab.training.groups import open_group
from latentlab.training.trial import Trial

MEASURE_SECONDS = 0.25
"""How long a candidate is timed: enough to choose among them."""
FEWEST_STEPS = 3


@dataclass(frozen=True)
class Timing:
    """Seconds per trial-step, and seconds before the first timed step (compiling among them).

    `epochs` ended among the timed steps, so that their validations are a part of them.
    """

    step: float
    start: float
    epochs: int = 0


@dataclass(frozen=True)
class Probe:
    """A candidate to be timed for so many seconds; picklable, for worker processes."""

    method: AnyMethod
    trials: tuple[Trial, ...]
    plan: ExecutionPlan
    seconds: float = MEASURE_SECONDS


def time_plan(probe: Probe, data: StudyData, device: torch.device) -> Timing:
    """Time steps of a cohort under a plan; nothing is stored.

    What torch's compiler says is kept from the user's log: a plan that fails is dropped.

    Raises:
        Exception: whatever the plan breaks on (the compiler, memory).
    """
    quiet = _torch_is_quiet() if probe.plan.compile else contextlib.nullcontext()
    # With the memory: what is trained afterwards may be in other processes.
    with process_settings_kept(), quiet:
        return _time_steps(probe, data, device)


def _time_steps(probe: Probe, data: StudyData, device: torch.device) -> Timing:
    compute_with(probe.plan.threads, probe.trials[0].precision)
    begin = time.perf_counter()
    cohort = open_group(
        probe.method,
        probe.trials,
        data,
        device,
        precision=probe.trials[0].precision,
        compiled=probe.plan.compile,
        graphs=probe.plan.graphs,
    )
    # The first two steps pay for compilation, allocation and the first block of noise.
    for _ in range(2):
        _advance(cohort)
    _synchronise(device)
    start = time.perf_counter()
    steps, most = 0, 1
    while steps < FEWEST_STEPS or time.perf_counter() - start < probe.seconds:
        steps += _advance(cohort, most)
        most = steps_unwatched(steps, time.perf_counter() - start)
    _synchronise(device)
    seconds = time.perf_counter() - start
    epochs = steps // cohort.epoch_steps
    return Timing(seconds / steps / len(probe.trials), start - begin, epochs)


def time_epoch_end(probe: Probe, data: StudyData, device: torch.device) -> float:
    """Time what comes between two epochs: validation, and the order of the next one.

    Returns:
        Seconds, of the whole cohort.
    """
    with process_settings_kept():
        return _time_epoch_end(probe, data, device)


def _time_epoch_end(probe: Probe, data: StudyData, device: torch.device) -> float:
    precision = probe.trials[0].precision
    compute_with(probe.plan.threads, precision)
    cohort = open_group(probe.method, probe.trials, data, device, precision)

    def seconds(*steps: int) -> float:
        begin = time.perf_counter()
        for step in steps:
            cohort.restart(step)
            cohort.advance()
        _synchronise(device)
        return time.perf_counter() - begin

    # The first time the noise of all validation examples is drawn, which is kept.
    last = cohort.total_steps - 1
    seconds(last, 0)
    return max(0.0, seconds(last, 0) - seconds(1, 2))


def _advance(cohort: TrainingGroup, most: int = 1) -> int:
    """Advance by up to `most` steps and return by how many.

    From the start again after the last: short trainings are timed too, and those that diverge.
    """
    if cohort.idle or cohort.state.step >= cohort.total_steps:
        cohort.restart()
    before = cohort.state.step
    cohort.advance(most)
    return cohort.state.step - before


@contextlib.contextmanager
def _torch_is_quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
