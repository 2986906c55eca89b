"""How long one training step of each arm takes, alone and interleaved with the others."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import compute_with, find_device, machine_name
from latentlab.compute.executors.job import Report
from latentlab.compute.executors.registry import open_executor
from latentlab.core.counting import Counted
from latentlab.data import Prepared, load_prepared
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.measurements import load_values, save_values
from latentlab.experiment.study import Study
from latentlab.training.config import TrialConfig
from latentlab.training.data import StudyData
from latentlab.training.group import TrainingGroup
from latentlab.training.groups import open_group
from latentlab.training.store import TrialStore
from latentlab.training.trial import TRAINER_VERSION, Trial

TIMINGS = "timings.json"
"""The file of the store that keeps the timings."""

TIMED_SECONDS = 0.05
"""Length of one timing of one arm; long against the clock's steps, short enough
to average out noise."""
TIMED_ALTOGETHER = 5.0
"""Seconds of one arm over all seeds, if there are so many that single timings may be shorter."""
LONG_SECONDS = 1.0
"""A step that takes this long is timed once: noise is little beside it, and it may be a fit."""


def time_arms(
    study: Study,
    declaration: Declaration,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    precision: str,
    compute: ComputeConfig | None = None,
) -> pd.DataFrame:
    """Time one training step of each arm alone, interleaved: every arm once per seed, in turn.

    Time inside a cohort is a share of it and says nothing about an arm; here arms take turns on
    the same machine in the same minute, in an order that rotates from seed to seed. What was
    measured is kept in `timings.json` of the store, and stays: a verdict about arms does not change
    because another arm was added. A new arm is timed beside the others, and its time is told in
    that of their first timing: times the geometric mean of what they took then over what they take
    now. Where data, machine or a version changed all are measured anew.

    With a cluster one of its workers times, alone; `compute` says so. All arms are one job: beside
    each other, none would be alone.

    Returns:
        Columns arm, seed, seconds (per step).
    """
    path = store.root / TIMINGS
    identity = {
        "data": prepared.fingerprint,
        "precision": precision,
        "machine": (compute.place if compute else "") or machine_name(device),
        "method": study.method.version,
        "trainer": TRAINER_VERSION,
    }
    # By arm and configuration, and by seed.
    known: dict[str, dict[str, float]] = load_values(path, identity) or {}
    keys = {
        arm: json.dumps([arm, config.model_dump(mode="json")], sort_keys=True)
        for arm, config in declaration.configs.items()
    }
    numbers = declaration.seeds.numbers()
    lacking = tuple(
        s for s in numbers if any(str(s) not in known.get(k, {}) for k in keys.values())
    )
    if lacking:
        configs = dict(declaration.configs)
        if compute is not None and compute.place and prepared.folder is not None:
            folder = prepared.folder.absolute()
            asked = TimingJob(study, configs, lacking, folder, compute.device, precision)
            with open_executor(compute, device.type, store.jobs) as executor:
                (rows,) = executor.run(time_in_worker, {"timings": asked}, lambda news: None)
        else:
            rows = _measure_arms(study, configs, lacking, prepared, device, precision)
        for seed in lacking:
            now = {keys[arm]: seconds for arm, of, seconds in rows if of == seed}
            _add(known, str(seed), now)
        save_values(path, identity, known)
    found = [(arm, seed, known[key][str(seed)]) for seed in numbers for arm, key in keys.items()]
    return pd.DataFrame(found, columns=["arm", "seed", "seconds"])


def _add(known: dict[str, dict[str, float]], seed: str, now: Mapping[str, float]) -> None:
    """Add the timings of one seed to those that are known, which stay."""
    ratios = [known[key][seed] / now[key] for key in now if seed in known.get(key, {})]
    scale = statistics.geometric_mean(ratios) if ratios else 1.0
    for key, seconds in now.items():
        known.setdefault(key, {}).setdefault(seed, scale * seconds)


@dataclass(frozen=True)
class TimingJob:
    """All arms of a study, to be timed by one worker; picklable."""

    study: Study
    configs: Mapping[str, TrialConfig]
    seeds: tuple[int, ...]
    prepared: Path
    device: str
    precision: str


def time_in_worker(job: TimingJob, report: Report) -> list[tuple[str, int, float]]:
    """Time the arms; as `time_arms`."""
    device = find_device(job.device, job.precision)
    prepared = load_prepared(job.prepared)
    return _measure_arms(job.study, job.configs, job.seeds, prepared, device, job.precision)


def _measure_arms(
    study: Study,
    configs: Mapping[str, TrialConfig],
    seeds: Sequence[int],
    prepared: Prepared,
    device: torch.device,
    precision: str,
) -> list[tuple[str, int, float]]:
    """Return arm, seed and seconds per step of every timing."""
    compute_with(1, precision)
    data = StudyData.of(prepared, device)
    names = list(configs)
    counted = Counted("Timing: %d of %d arms and seeds", len(names) * len(seeds))
    cohorts = {
        arm: open_group(
            study.method,
            [Trial(study.name, arm, 0, config, prepared.fingerprint, precision, 0)],
            data,
            device,
            precision,
        )
        for arm, config in configs.items()
    }
    for cohort in cohorts.values():
        seconds_per_step(cohort, device, len(seeds))
    rows = []
    for turn, seed in enumerate(seeds):
        shift = turn % len(names)
        for arm in names[shift:] + names[:shift]:
            rows.append((arm, seed, seconds_per_step(cohorts[arm], device, len(seeds))))
            counted.add()
    return rows


def seconds_per_step(cohort: TrainingGroup, device: torch.device, seeds: int) -> float:
    """Time steps of a cohort of one, on one of so many seeds; its weights do not matter."""
    seconds = min(TIMED_SECONDS, TIMED_ALTOGETHER / seeds)
    steps = 0
    passed = 0.0
    while passed < (seconds if steps >= 3 else LONG_SECONDS):
        # Never to the end of an epoch, whose validation is no part of a training step (where an
        # epoch is one step, every arm pays for it alike).
        if cohort.idle or cohort.state.step + 1 >= cohort.epoch_steps:
            cohort.restart()
        start = time.perf_counter()
        cohort.advance()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        steps += 1
        passed += time.perf_counter() - start
    return passed / steps
