"""Trains the trials of a study that are not trained yet, by the plan that measures fastest."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import process_settings_kept, resolve_device
from latentlab.compute.engines import WorkerPool, run_inline
from latentlab.compute.plan import ExecutionPlan, PlanCache, even_parts
from latentlab.errors import UserError
from latentlab.sources import load_prepared
from latentlab.training.calibration import Calibration, Probe, Timing, time_plan
from latentlab.training.checkpoint import cohort_name, load_checkpoint
from latentlab.training.contract import Method
from latentlab.training.data import StudyData, steps_per_epoch
from latentlab.training.loop import CohortJob, Progress, train_cohort
from latentlab.training.progress import ProgressDisplay
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

logger = logging.getLogger(__name__)

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Place:
    """Where a job finds its data and leaves its trials; pickles.

    The fingerprint keeps data apart that were prepared in one folder one after the other.
    """

    prepared: Path
    fingerprint: str
    store: Path
    device: str


def train_trials(
    method: Method,
    trials: Sequence[Trial],
    prepared: Path,
    store: TrialStore,
    compute: ComputeConfig,
    retrain: bool = False,
) -> frozenset[str]:
    """Train what is not trained yet; a run that was killed is taken up where it stood.

    Args:
        method: the study's formulas.
        trials: the planned trials; trials of one id are trained once.
        prepared: folder of the prepared data.
        store: where trials are kept.
        compute: device, engine and plan.
        retrain: forget trials that are known, and train them again.

    Returns:
        Ids of the trials that this call trained.

    Raises:
        UserError: no such device, a locked or unwritable store, a killed worker.
    """
    device = resolve_device(compute)
    planned = {trial.id: trial for trial in trials}
    with store.locked(), ExitStack() as stack:
        if retrain:
            _forget(planned, store)
        missing = {i: trial for i, trial in planned.items() if not store.knows(i)}
        logger.info(
            "%d of %d trials are known, %d to train",
            len(planned) - len(missing),
            len(planned),
            len(missing),
        )
        if not missing:
            return frozenset()

        @functools.cache
        def pool() -> WorkerPool:
            return stack.enter_context(WorkerPool(compute.worker_count(device.type)))

        fingerprint = next(iter(missing.values())).data
        stack.enter_context(process_settings_kept())
        place = Place(prepared, fingerprint, store.root, str(device))
        jobs = _resumed(method, missing, planned, store, compute, device)
        taken = {trial.id for job in jobs for trial in job.trials}
        rest = [trial for i, trial in missing.items() if i not in taken]
        jobs += _planned(method, rest, place, compute, device, pool)
        display = stack.enter_context(ProgressDisplay(len(jobs)))
        alone = [(job, place) for job in jobs if job.plan.processes == 1]
        shared = [(job, place) for job in jobs if job.plan.processes > 1]
        run_inline(_train, alone, display.report)
        if shared:
            # Longest first, so that no worker is left with the longest job at the end; among
            # equals by seed, so that a run that is stopped leaves whole seeds behind.
            shared.sort(key=lambda item: (-len(item[0].trials), item[0].trials[0].seed))
            pool().run(_train, shared, display.report)
        return frozenset(missing)


def _forget(planned: Mapping[str, Trial], store: TrialStore) -> None:
    """Remove trials that are to be trained again, and the cohorts in which some of them stand."""
    for trial_id in planned:
        store.remove(trial_id)
    for path in store.checkpoints.glob("*.checkpoint"):
        checkpoint = load_checkpoint(path, torch.device("cpu"))
        if checkpoint is not None and set(checkpoint.trial_ids) & set(planned):
            path.unlink()


def _resumed(
    method: Method,
    missing: dict[str, Trial],
    planned: dict[str, Trial],
    store: TrialStore,
    compute: ComputeConfig,
    device: torch.device,
) -> list[CohortJob]:
    """Jobs for the cohorts that a killed run left behind, as they were."""
    jobs: list[CohortJob] = []
    taken: set[str] = set()
    for path in sorted(store.checkpoints.glob("*.checkpoint")):
        checkpoint = load_checkpoint(path, torch.device("cpu"))
        if checkpoint is None or not set(checkpoint.trial_ids) <= set(planned):
            continue
        # Runs with different trials planned may leave one trial in two cohorts: one is enough.
        if not set(checkpoint.trial_ids) & set(missing) or set(checkpoint.trial_ids) & taken:
            path.unlink()
            continue
        taken |= set(checkpoint.trial_ids)
        logger.info(
            "Resuming %d trials at step %d", len(checkpoint.trial_ids), checkpoint.state.step
        )
        trials = tuple(planned[i] for i in checkpoint.trial_ids)
        jobs.append(
            CohortJob(method, trials, checkpoint.plan, path.stem, compute.checkpoint_seconds)
        )
    return jobs


def _planned(
    method: Method,
    trials: Sequence[Trial],
    place: Place,
    compute: ComputeConfig,
    device: torch.device,
    pool: Callable[[], WorkerPool],
) -> list[CohortJob]:
    """Jobs for new trials: grouped by signature, cut into cohorts by the group's plan."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.signature, []).append(trial)
    if not groups:
        return []
    data = _data(place)
    calibration = Calibration(
        method,
        data,
        compute,
        device,
        PlanCache(place.store.parent / "plans.json"),
        pool,
        functools.partial(_time_in_worker, place=place),
    )
    jobs: list[CohortJob] = []
    fallback: ExecutionPlan | None = None
    for group in sorted(groups.values(), key=len, reverse=True):
        # Arms of one seed share noise, so they sit side by side.
        group.sort(key=lambda trial: (trial.seed, trial.arm))
        training = group[0].config.training
        examples = len(data.partition(group[0].stream, training.validation_fraction)[0])
        steps = steps_per_epoch(examples, training.batch_size) * training.epochs
        plan = calibration.choose(group, steps, fallback)
        fallback = fallback or plan
        logger.info("%d trials of %s: %s", len(group), group[0].arm, plan)
        start = 0
        for size in even_parts(len(group), plan):
            part = tuple(group[start : start + size])
            name = cohort_name(tuple(trial.id for trial in part))
            jobs.append(CohortJob(method, part, plan, name, compute.checkpoint_seconds))
            start += size
    return jobs


@functools.lru_cache(maxsize=1)
def _data(place: Place) -> StudyData:
    """The data on the device, loaded once per process.

    Raises:
        UserError: it is not the data that the trials were planned for.
    """
    prepared = load_prepared(place.prepared)
    if prepared.fingerprint != place.fingerprint:
        raise UserError(
            f"The data in {place.prepared} changed after the trials were planned",
            "Run again from the data preparation on.",
        )
    return StudyData.of(prepared, torch.device(place.device))


def _train(payload: tuple[CohortJob, Place], report: Report) -> None:
    job, place = payload
    store = TrialStore(place.store)
    try:
        train_cohort(job, _data(place), store, torch.device(place.device), report)
    except RuntimeError as error:
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise UserError(
                f"The training step cannot be compiled: {str(error).partition(chr(10))[0]}",
                "Set compute.compile to false. A cohort that began compiled stays so: remove "
                f"{store.checkpoints} too, if there is one.",
            ) from error
        raise


def _time_in_worker(probe: Probe, report: Callable[[object], None], place: Place) -> Timing:
    return time_plan(probe, _data(place), torch.device(place.device))
