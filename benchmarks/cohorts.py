"""How much faster the calibrated plan trains than a plain loop and solo trials in processes.

    python benchmarks/cohorts.py [--rounds 5] [--seconds 1] [--only digits]

The peers are (a) a plain loop and (b) the best single-trial loop in several processes. All three
are measured in turn, round after round, in one run; ratios are medians over rounds. (a) is what one
would write by hand: eager, one thread, one trial, `torch.optim.Adam`. (b) is the best loop for one
trial in as many processes as there are cores: the faster of (a) with a fused Adam and of this
project's cohort of one.
"""

from __future__ import annotations

import argparse
import functools
import logging
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import compute_with, machine_name, resolve_device
from latentlab.compute.executors.processes import WorkerPool
from latentlab.compute.plan import ExecutionPlan, PlanCache, even_parts
from latentlab.data import load_prepared
from latentlab.training.calibration import Calibration
from latentlab.training.cohort import Cohort
from latentlab.training.contract import Clock, Method
from latentlab.training.data import StudyData
from latentlab.training.per_trial import per_trial_values
from latentlab.training.plan_timing import Probe, Timing, time_plan
from latentlab.training.trial import Trial
from workloads import Workload, plain_inputs, workloads

STEPS = 20_000
"""Training steps that the plan is chosen for: compiling has to pay within them."""


@dataclass(frozen=True)
class Task:
    """One loop to be timed in one process."""

    kind: str  # plain, fused or cohort
    method: Method
    trials: tuple[Trial, ...]
    plan: ExecutionPlan
    prepared: Path
    seconds: float
    device: str


@functools.cache
def data_of(prepared: Path, device: str) -> StudyData:
    """The data, loaded once per process."""
    return StudyData.of(load_prepared(prepared), torch.device(device))


_cohorts: dict[tuple[str, ...], Cohort] = {}


def rate(task: Task, report: Callable[[object], None]) -> float:
    """Trial-steps per second of one loop."""
    compute_with(task.plan.threads, task.trials[0].precision)
    data = data_of(task.prepared, task.device)
    step = plain_step(task, data) if task.kind != "cohort" else cohort_step(task, data)
    for _ in range(3):
        step()
    synchronise(task.device)
    start = time.perf_counter()
    steps = 0
    while time.perf_counter() - start < task.seconds:
        steps += step()
    synchronise(task.device)
    return steps * len(task.trials) / (time.perf_counter() - start)


def cohort_step(task: Task, data: StudyData) -> Callable[[], int]:
    """Steps of a cohort, which is kept between rounds so that compiling is paid once."""
    key = (task.plan.__repr__(), *(trial.id for trial in task.trials))
    if key not in _cohorts:
        _cohorts[key] = Cohort(
            task.method, task.trials, data, torch.device(task.device), compiled=task.plan.compile
        )
    return steps_of(_cohorts[key])


def steps_of(cohort: Cohort) -> Callable[[], int]:
    """As many steps of a cohort as it takes in one call, short of an epoch's end.

    Its scores on the validation examples are no part of a training step.
    """

    def step() -> int:
        left = cohort.epoch_steps - 1 - cohort.state.step
        if left <= 0:
            cohort.restart()
            left = max(1, cohort.epoch_steps - 1)
        before = cohort.state.step
        cohort.advance(left)
        return cohort.state.step - before

    return step


def plain_step(task: Task, data: StudyData) -> Callable[[], int]:
    """What one would write by hand for one trial."""
    import numpy as np

    (trial,) = task.trials
    training = trial.config.training
    model = task.method.build(trial.config, data.spec, np.random.default_rng(0))
    optimiser = torch.optim.Adam(
        model.parameters(), lr=training.learning_rate, fused=task.kind == "fused"
    )
    generator = torch.Generator().manual_seed(0)
    hyper = {n: torch.tensor(v) for n, v in per_trial_values(trial.config).items()}
    clock = Clock(torch.tensor(0.0), torch.tensor(0.0), torch.tensor(1.0))
    _, state = plain_inputs(trial, task.method, data.spec, generator)

    def step() -> int:
        index = torch.randint(len(data.train), (training.batch_size,), generator=generator)
        noise, _ = plain_inputs(trial, _WithoutState(task.method), data.spec, generator)
        total, _, _ = task.method.loss(model, data.train.batch(index), hyper, noise, state, clock)
        optimiser.zero_grad()
        total.backward()
        if training.gradient_clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), training.gradient_clip)
        optimiser.step()
        return 1

    return step


class _WithoutState:
    """A method whose state is not drawn again at every step."""

    def __init__(self, method: Method) -> None:
        self.noise_spec = method.noise_spec

    def init_state(self, *_: object) -> dict[str, torch.Tensor]:
        return {}


def synchronise(device: str) -> None:
    """Wait for the device."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def overall(rates: list[float], sizes: list[int]) -> float:
    """Trial-steps per second of groups that are trained one after the other."""
    return sum(sizes) / sum(size / r for size, r in zip(sizes, rates, strict=True))


class Bench:
    """Times one workload."""

    def __init__(self, load: Workload, pool: WorkerPool, seconds: float, device: str) -> None:
        self.load, self.pool, self.seconds, self.device = load, pool, seconds, device
        self.sizes = [len(group) for group in load.groups]
        calibration = Calibration(
            load.method,
            data_of(load.prepared, device),
            ComputeConfig(device=device),
            torch.device(device),
            PlanCache(load.prepared / "plans.json"),
            lambda: pool,
            functools.partial(in_worker, device=device, prepared=load.prepared),
        )
        self.plans = [calibration.choose(group, STEPS, None) for group in load.groups]

    def _tasks(self, kind: str, group: tuple[Trial, ...], plan: ExecutionPlan) -> list[Task]:
        parts, start = [], 0
        for size in even_parts(len(group), plan)[: plan.processes]:
            parts.append(group[start : start + size])
            start += size
        return [
            Task(kind, self.load.method, p, plan, self.load.prepared, self.seconds, self.device)
            for p in parts
        ]

    def plain(self) -> float:
        """(a): one process, one thread, one trial."""
        plan = ExecutionPlan(1)
        tasks = [self._tasks("plain", group[:1], plan)[0] for group in self.load.groups]
        return overall([rate(task, lambda news: None) for task in tasks], self.sizes)

    def solo(self) -> float:
        """(b): one trial at a time in every process, the better of two loops."""
        plan = ExecutionPlan(1, processes=len(self.pool))
        rates = []
        for group in self.load.groups:
            best = 0.0
            for kind in ("fused", "cohort"):
                tasks = self._tasks(kind, group, plan)
                best = max(
                    best,
                    sum(
                        self.pool.run(
                            rate, {str(n): task for n, task in enumerate(tasks)}, lambda news: None
                        )
                    ),
                )
            rates.append(best)
        return overall(rates, self.sizes)

    def planned(self) -> float:
        """The calibrated plan."""
        rates = []
        for group, plan in zip(self.load.groups, self.plans, strict=True):
            tasks = self._tasks("cohort", group, plan)
            if plan.processes == 1:
                rates.append(rate(tasks[0], lambda news: None))
            else:
                rates.append(
                    sum(
                        self.pool.run(
                            rate, {str(n): task for n, task in enumerate(tasks)}, lambda news: None
                        )
                    )
                )
        return overall(rates, self.sizes)


def in_worker(
    probe: Probe, report: Callable[[object], None], device: str, prepared: Path
) -> Timing:
    """Time a candidate plan in a worker process."""
    return time_plan(probe, data_of(prepared, device), torch.device(device))


def against_jax(load: Workload, rounds: int, seconds: float) -> str:
    """A compiled cohort and JAX, each in one thread of this process, in turn: ours over theirs."""
    try:
        from jax_peer import epochs_of
    except ModuleNotFoundError:
        return "  skipped: JAX is not installed (pip install -e '.[jax]')"
    compute_with(1, "float32")
    data = data_of(load.prepared, "cpu")
    lines = []
    for size in (16, 32):
        trials = load.groups[0][:size]
        config = trials[0].config
        pixels = math.prod(data.spec.shape)
        widths = (pixels, config.hidden, config.code, config.hidden, pixels)
        cohort = Cohort(load.method, trials, data, torch.device("cpu"), compiled=True)
        order = torch.arange(cohort.epoch_steps * config.training.batch_size)
        features = data.train.batch(order).features.flatten(1).numpy()
        peers = steps_of(cohort), epochs_of(widths, size, features, config.training.batch_size)
        for _ in range(3):
            peers[0](), peers[1]()
        rates = [[per_cpu_second(peer, seconds) * size for peer in peers] for _ in range(rounds)]
        ours, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
        ratios = sorted(a / b for a, b in rates)
        lines.append(
            f"  {size} trials, trial-steps per CPU second: {ours:,.0f}, JAX {theirs:,.0f}: "
            f"x {statistics.median(ratios):.2f} (rounds {ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    return "\n".join(lines)


def per_cpu_second(steps: Callable[[], int], seconds: float) -> float:
    """Steps per second of this process's CPU time, whatever else the machine does."""
    start, count = time.process_time(), 0
    while time.process_time() - start < seconds:
        count += steps()
    return count / (time.process_time() - start)


def main() -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each timing")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jax", action="store_true", help="only the auto-encoder, against JAX")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="  %(message)s")
    config = ComputeConfig(device=arguments.device)
    device = str(resolve_device(config))
    print(machine_name(torch.device(device)), f"{config.cores()} cores")
    with tempfile.TemporaryDirectory() as folder, WorkerPool(config.worker_count(device)) as pool:
        for load in workloads(Path(folder)):
            if arguments.jax:
                if "64-32-8" in load.name:
                    print(f"{load.name}\n{against_jax(load, arguments.rounds, arguments.seconds)}")
                continue
            if arguments.only not in load.name:
                continue
            bench = Bench(load, pool, arguments.seconds, device)
            rounds = [
                (bench.plain(), bench.solo(), bench.planned()) for _ in range(arguments.rounds)
            ]
            plain, solo, planned = (statistics.median(r) for r in zip(*rounds, strict=True))
            over_plain = statistics.median(p / a for a, _, p in rounds)
            over_solo = statistics.median(p / b for _, b, p in rounds)
            spread = sorted(p / a for a, _, p in rounds)
            print(f"{load.name}: {'; '.join(str(plan) for plan in dict.fromkeys(bench.plans))}")
            print(
                f"  trial-steps/s: plain {plain:,.0f}, solo in processes {solo:,.0f}, "
                f"plan {planned:,.0f}"
            )
            print(
                f"  over plain x {over_plain:.2f} (rounds {spread[0]:.2f} to {spread[-1]:.2f}; "
                f"asked {load.goal}), over solo x {over_solo:.2f} (asked .95)"
            )


if __name__ == "__main__":
    main()
