"""Chooses plans by timing each candidate, and says what training by the chosen ones takes."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import device_count, machine_name
from latentlab.compute.executors.job import Executor
from latentlab.compute.plan import (
    ExecutionPlan,
    PlanCache,
    candidates,
    even_parts,
    largest_cohort,
)
from latentlab.training.contract import AnyMethod
from latentlab.training.data import StudyData, steps_per_epoch
from latentlab.training.groups import choices_of
from latentlab.training.memory import bytes_per_trial, trials_in_memory
from latentlab.training.plan_timing import Probe, Timing, time_epoch_end, time_plan
from latentlab.training.trial import TRAINER_VERSION, Trial, group_text

logger = logging.getLogger(__name__)

POOL_SECONDS = 5.0
"""What starting worker processes costs; work that takes less stays in this process."""
COMPILE_SECONDS = 4.0
"""What compiling a step costs, per parameter tensor of the model: a perceptron of 8 takes half a
minute, two convolutional encoders of 60 some minutes. Work that an uncompiled plan does in less is
not worth a trial of the compiler."""
TEAM_RISK = 1.5
"""A plan with several threads must be so much faster than one without: threads that wait for each
other many times a millisecond stand still as soon as another program wants one of their cores."""
LONG_SECONDS = 60.0
"""Where training takes as long, the best candidates are timed anew before one of them is chosen,
and the chosen plan before it is said how long it takes: into the quarter of a second of a candidate
fall a few steps, often no end of an epoch, and sometimes a bad moment of the machine."""
LONGER_LOOK = 2.0
"""Seconds of that."""
CLOSE = 1.5
"""Candidates that take up to so many times as long as the best are timed anew with it."""


def plan_key(trials: Sequence[Trial], config: ComputeConfig, device: torch.device) -> str:
    """Return what a measured plan depends on: the workload, the settings and the machine."""
    settings = config.model_dump_json(exclude={"checkpoint_seconds", "detach"})
    parts = [
        trials[0].study,
        trials[0].signature,
        trials[0].data,
        trials[0].precision,
        str(len(trials)),
        settings,
        str(config.cores()),
        str(device_count(config)),
        machine_name(device),
        str(TRAINER_VERSION),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class Calibration:
    """Chooses plans for the groups of a study.

    Args:
        method: the study's formulas.
        data: the data on the device.
        config: the `compute` block.
        device: where to train, or the first of several like it.
        cache: plans that were measured before.
        pool: makes, or hands back, the worker processes; called only when they are worth it. None:
            all plans are timed in this process, which is a worker itself.
        in_worker: a job that times a `Probe` in a worker process.
    """

    def __init__(
        self,
        method: AnyMethod,
        data: StudyData,
        config: ComputeConfig,
        device: torch.device,
        cache: PlanCache,
        pool: Callable[[], Executor] | None = None,
        in_worker: Callable[[Probe, Callable[[object], None]], Timing] | None = None,
    ) -> None:
        self._method = method
        self._data = data
        self._config = config
        self._device = device
        self._devices = device_count(config)
        self._cache = cache
        self._pool = pool
        self._in_worker = in_worker
        self._compiles = True
        self._timings: dict[tuple[str, ExecutionPlan], Timing] = {}

    def method_of(self, trial: Trial) -> AnyMethod:
        """Return what trains a trial: batched or plain."""
        return self._method.of(trial.config)

    def steps(self, trial: Trial) -> int:
        """Return the training steps of a trial."""
        training = trial.config.training
        examples = len(self._data.partition(trial.stream, training.validation_fraction)[0])
        return steps_per_epoch(examples, training.batch_size) * training.epochs

    def bytes_of(self, trial: Trial) -> int:
        """Return the bytes of memory that a trial takes."""
        return bytes_per_trial(self._method, trial, self._data, self._device)

    def choose(
        self, trials: Sequence[Trial], steps: int, fallback: ExecutionPlan | None
    ) -> ExecutionPlan:
        """Return the plan for trials of one signature.

        Args:
            trials: the trials.
            steps: training steps of each.
            fallback: the plan of a larger group, taken over where the work would not repay a
                calibration of its own.
        """
        count, kind = len(trials), self._device.type
        logger.info("%s, %d steps each: choosing a plan", group_text(trials), steps)
        # Where the settings leave no choice, nothing is measured.
        method = self.method_of(trials[0])
        config = choices_of(method, self._config)
        plans = candidates(count, count, config, kind, self._devices)
        if len(plans) == 1:
            return plans[0]
        key = plan_key(trials, config, self._device)
        if known := self._cache.get(key):
            return known
        largest = trials_in_memory(self._method, trials[0], self._data, self._device)
        plans = candidates(count, largest, config, kind, self._devices)
        if fallback is not None and fallback.cohort <= largest_cohort(
            largest, fallback.processes, self._devices
        ):
            first = self._time(Probe(self._method, _largest_part(trials, fallback), fallback))
            if first is not None:
                predicted = first.step * len(trials) * steps / fallback.processes
                if predicted < 2 * POOL_SECONDS:
                    return fallback
        # Only its size is wanted, so any stream will do.
        model = method.build(trials[0].config, self._data.spec, np.random.default_rng(0))
        compiling = COMPILE_SECONDS * len(list(model.parameters()))
        # What fails to compile for one shape of a study fails for the others: not tried again.
        compiles = self._compiles and config.compile == "auto"
        plan = self._fastest(trials, steps, plans, compiling if compiles else math.inf)
        self._cache.put(key, plan)
        return plan

    def seconds(
        self, trials: Sequence[Trial], steps: int, plan: ExecutionPlan, compiling: bool
    ) -> float:
        """Return how long trials of one signature take under their plan, as far as is known.

        None is expected to stop early. A plan that was not timed in this run, since it was known or
        the only one, is timed now.

        Args:
            trials: the trials.
            steps: training steps of each.
            plan: theirs.
            compiling: compile what was not timed in this run too, which takes long; it is timed
                uncompiled otherwise, and takes less in truth.
        """
        part = _largest_part(trials, plan)
        parts = -(-len(trials) // len(part))
        timed = plan if compiling else replace(plan, compile=False, graphs=False)
        key = (trials[0].signature, plan)
        if key not in self._timings:
            self._time(Probe(self._method, part, timed))
            key = (trials[0].signature, timed)
        if key not in self._timings:
            return 0.0
        rounds = -(-parts // plan.processes)
        work = len(part) * steps
        # What is compiled would be so again.
        if not key[1].compile and self._timings[key].step * work * rounds > LONG_SECONDS:
            self._time(Probe(self._method, part, key[1], LONGER_LOOK))
        timing, training = self._timings[key], trials[0].config.training
        one = timing.step * work + (timing.start if key[1].compile else 0.0)
        if timing.epochs < training.validate_every:
            validations = -(-training.epochs // training.validate_every)
            probe = Probe(self._method, part, plan)
            one += validations * time_epoch_end(probe, self._data, self._device)
        return one * rounds

    def _fastest(
        self,
        trials: Sequence[Trial],
        steps: int,
        plans: Sequence[ExecutionPlan],
        compiling: float,
    ) -> ExecutionPlan:
        work = len(trials) * steps
        seconds: dict[ExecutionPlan, float] = {}

        def measure(plan: ExecutionPlan, *look: float) -> None:
            timing = self._time(Probe(self._method, tuple(trials[: plan.cohort]), plan, *look))
            if timing is not None:
                seconds[plan] = timing.step * work / plan.processes

        def risked(plan: ExecutionPlan) -> float:
            return seconds[plan] * (TEAM_RISK if plan.threads > 1 else 1.0)

        for plan in sorted(plans, key=lambda p: p.processes):
            # Worker processes are tried only where the best plan without them takes long.
            if plan.processes > 1 and seconds and min(seconds.values()) < POOL_SECONDS:
                continue
            measure(plan)
        if not seconds:
            return min(plans, key=lambda p: (p.processes, p.cohort))
        best = min(seconds, key=risked)
        close = [plan for plan in seconds if risked(plan) < CLOSE * risked(best)]
        if len(close) > 1 and seconds[best] > LONG_SECONDS:
            for plan in close:
                measure(plan, LONGER_LOOK)
            best = min(seconds, key=risked)
        if seconds[best] > compiling:
            cohorts = -(-len(trials) // best.cohort)
            compiled = replace(best, compile=True)
            graphs = [replace(compiled, graphs=True)] if self._device.type == "cuda" else []
            for form in [compiled, *graphs]:
                timing = self._time(Probe(self._method, tuple(trials[: best.cohort]), form))
                if timing is None:
                    self._compiles = form.graphs
                    break
                start = timing.start * cohorts / best.processes
                seconds[form] = timing.step * work / best.processes + start
            best = min(seconds, key=risked)
        for plan, predicted in sorted(seconds.items(), key=lambda item: item[1]):
            logger.info("Plan %s: %.1f s predicted", plan, predicted)
        return best

    def _time(self, probe: Probe) -> Timing | None:
        """Time a candidate; one that breaks is dropped with a line in the log."""
        logger.info("Timing plan %s", probe.plan)
        try:
            if probe.plan.processes == 1 or self._pool is None or self._in_worker is None:
                timing = time_plan(probe, self._data, self._device)
            else:
                pool = self._pool()
                # As many as the plan has: what they cost each other is measured too.
                probes = {f"timing-{number}": probe for number in range(probe.plan.processes)}
                timings = pool.run(self._in_worker, probes, lambda news: None)
                timing = max(timings, key=lambda timing: timing.step)
            self._timings[probe.trials[0].signature, probe.plan] = timing
            return timing
        except Exception as error:
            logger.info("Plan %s dropped: %s", probe.plan, str(error).splitlines()[:1])
            return None


def _largest_part(trials: Sequence[Trial], plan: ExecutionPlan) -> tuple[Trial, ...]:
    """Return the largest of the cohorts that trials are cut into."""
    return tuple(trials[: max(even_parts(len(trials), plan))])
