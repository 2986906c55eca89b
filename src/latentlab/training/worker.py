"""What runs in a worker: a cohort's training, the timing of a plan, the choice of plans."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import find_device, set_determinism
from latentlab.compute.plan import PlanCache
from latentlab.core.errors import UserError
from latentlab.data import load_prepared
from latentlab.training.calibration import Calibration
from latentlab.training.choosing import Choice, choose_plans
from latentlab.training.contract import AnyMethod
from latentlab.training.data import StudyData
from latentlab.training.halving import train_fitting
from latentlab.training.loop import CohortJob, Progress
from latentlab.training.plan_timing import Probe, Timing, time_plan
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class JobPaths:
    """Where a job finds its data and leaves its trials; picklable.

    The fingerprint keeps data apart that were prepared in one folder one after the other. The
    device is that of the worker, which knows what is there.
    """

    prepared: Path
    fingerprint: str
    store: Path
    device: str
    precision: str
    deterministic: bool


@functools.cache
def device_of(paths: JobPaths) -> torch.device:
    """Return the device of this process, looked for once.

    Raises:
        UserError: it is not there.
    """
    return find_device(paths.device, paths.precision)


@functools.lru_cache(maxsize=1)
def data_of(paths: JobPaths) -> StudyData:
    """Return the data on the device, loaded once per process.

    Raises:
        UserError: it is not the data that the trials were planned for.
    """
    prepared = load_prepared(paths.prepared)
    if prepared.fingerprint != paths.fingerprint:
        raise UserError(
            f"The data in {paths.prepared} changed after the trials were planned",
            "Run again from the data preparation on.",
        )
    return StudyData.of(prepared, device_of(paths))


def train_job(payload: tuple[CohortJob, JobPaths], report: Report) -> int | None:
    """Train a cohort, in parts where it does not fit.

    One that is given in again although it had come to its end, since its worker died before saying
    so, is left as it is.

    Returns:
        As `train_fitting`.

    Raises:
        UserError: its step cannot be compiled, or the store cannot be written; one trial alone
            does not fit.
    """
    job, paths = payload
    set_determinism(paths.deterministic)
    store = TrialStore(paths.store)
    try:
        return train_fitting(job, data_of(paths), store, device_of(paths), report)
    except RuntimeError as error:
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise UserError(
                f"The training step cannot be compiled: {str(error).partition(chr(10))[0]}",
                "Set compute.compile to false. A cohort that began compiled stays so: remove "
                f"{store.checkpoints} too, if there is one.",
            ) from error
        raise


def time_probe(probe: Probe, report: Callable[[object], None], paths: JobPaths) -> Timing:
    """Time a plan."""
    return time_plan(probe, data_of(paths), device_of(paths))


@dataclass(frozen=True)
class Choosing:
    """Groups of trials of one signature each, whose plans are to be chosen; picklable."""

    method: AnyMethod
    groups: tuple[tuple[Trial, ...], ...]
    compute: ComputeConfig
    paths: JobPaths
    one_plan: bool


def choose_in_worker(payload: Choosing, report: Callable[[object], None]) -> list[Choice]:
    """Choose plans where the trials will be trained: another machine is of another speed.

    They are remembered by the machine's name, for a file has one writer.
    """
    paths, compute = payload.paths, payload.compute
    calibration = Calibration(
        payload.method,
        data_of(paths),
        compute,
        device_of(paths),
        PlanCache(paths.store.parent / f"plans.{socket.gethostname()}.json"),
    )
    return choose_plans(calibration, payload.groups, {}, payload.one_plan)
