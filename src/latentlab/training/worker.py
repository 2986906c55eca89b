"""What runs in a worker process: a cohort's training, and the timing of a plan."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from latentlab.compute.device import set_determinism
from latentlab.core.errors import UserError
from latentlab.data import load_prepared
from latentlab.training.calibration import Probe, Timing, time_plan
from latentlab.training.data import StudyData
from latentlab.training.loop import CohortJob, Progress, train_cohort
from latentlab.training.store import TrialStore

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class JobPaths:
    """Where a job finds its data and leaves its trials; picklable.

    The fingerprint keeps data apart that were prepared in one folder one after the other.
    """

    prepared: Path
    fingerprint: str
    store: Path
    device: str
    deterministic: bool


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
    return StudyData.of(prepared, torch.device(paths.device))


def train_job(payload: tuple[CohortJob, JobPaths], report: Report) -> None:
    """Train a cohort.

    Raises:
        UserError: its step cannot be compiled, or the store cannot be written.
    """
    job, paths = payload
    set_determinism(paths.deterministic)
    store = TrialStore(paths.store)
    try:
        train_cohort(job, data_of(paths), store, torch.device(paths.device), report)
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
    return time_plan(probe, data_of(paths), torch.device(paths.device))
