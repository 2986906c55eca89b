"""Trains the trials of a study that are not trained yet, by the plan that measures fastest."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import process_settings_kept, resolve_device
from latentlab.compute.executors.inline import run_inline
from latentlab.compute.executors.processes import WorkerPool
from latentlab.compute.plan import ExecutionPlan, PlanCache, even_parts
from latentlab.training.calibration import Calibration
from latentlab.training.checkpoint import cohort_name, load_checkpoint, save_checkpoint
from latentlab.training.contract import AnyMethod
from latentlab.training.data import steps_per_epoch
from latentlab.training.estimate import WORTH_AN_ESTIMATE, Estimate, ask
from latentlab.training.loop import CohortJob
from latentlab.training.memory import bytes_per_trial
from latentlab.training.progress import ProgressDisplay
from latentlab.training.store import TrialStore
from latentlab.training.trains import Trains
from latentlab.training.trial import Trial
from latentlab.training.worker import JobPaths, data_of, time_probe, train_job

logger = logging.getLogger(__name__)


class Trainer(Trains):
    """Trains cohorts of trials by the plan that measures fastest.

    Args:
        method: the study's formulas.
        prepared: folder of the prepared data.
        store: where trials are kept.
        compute: device, engine and plan.
        one_plan: measure plans for the first group of trials only and keep to the best: for
            searches, whose groups are many and small and would not repay it.

    Raises:
        UserError: no such device.
    """

    def __init__(
        self,
        method: AnyMethod,
        prepared: Path,
        store: TrialStore,
        compute: ComputeConfig,
        one_plan: bool = False,
    ) -> None:
        self._method = method
        self._prepared = prepared
        self._store = store
        self._compute = compute
        self._device = resolve_device(compute)
        self._one_plan = one_plan
        self._first_plans: dict[type[AnyMethod], ExecutionPlan] = {}
        self._stack = ExitStack()
        self._workers: WorkerPool | None = None
        self._calibrations: dict[str, Calibration] = {}

    def __enter__(self) -> Self:
        self._stack.enter_context(self._store.locked())
        self._stack.enter_context(process_settings_kept())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def train(
        self,
        trials: Sequence[Trial],
        retrain: bool = False,
        pause: int | None = None,
        begin: Callable[[Collection[str]], None] | None = None,
    ) -> frozenset[str]:
        """Train what is not trained yet; what is paused stays as checkpoints of its cohorts."""
        planned = {trial.id: trial for trial in trials}
        if retrain:
            _forget(planned, self._store)
        missing = {i: trial for i, trial in planned.items() if not self._store.knows(i)}
        logger.info(
            "%d of %d trials are known, %d to train",
            len(planned) - len(missing),
            len(planned),
            len(missing),
        )
        if not missing:
            return frozenset()
        if begin is not None:
            begin(missing)
        fingerprint = next(iter(missing.values())).data
        paths = JobPaths(
            self._prepared,
            fingerprint,
            self._store.root,
            str(self._device),
            self._compute.deterministic,
        )
        jobs = _resumed(
            self._method, missing, planned, self._store, self._compute.checkpoint_seconds
        )
        taken = {trial.id for job in jobs for trial in job.trials}
        rest = [trial for i, trial in missing.items() if i not in taken]
        jobs = [replace(job, pause=pause) for job in jobs + self._planned(rest, paths)]
        with ProgressDisplay({job.name: len(job.trials) for job in jobs}) as display:
            alone = [(job, paths) for job in jobs if job.plan.processes == 1]
            shared = [(job, paths) for job in jobs if job.plan.processes > 1]
            run_inline(train_job, alone, display.report)
            if shared:
                # Longest first, so that no worker is left with the longest job at the end; among
                # equals by seed, so that a run that is stopped leaves whole seeds behind.
                shared.sort(key=lambda item: (-len(item[0].trials), item[0].trials[0].seed))
                self._pool().run(train_job, shared, display.report)
        return frozenset(missing)

    def histories(self, trials: Sequence[Trial]) -> dict[str, dict[str, list[float | None]]]:
        """Return scores per epoch by name, of trained trials and of those in checkpoints."""
        found = {t.id: self._store.history(t.id) for t in trials if self._store.knows(t.id)}
        for path in self._store.checkpoints.glob("*.checkpoint"):
            checkpoint = load_checkpoint(path, torch.device("cpu"))
            if checkpoint is None:
                continue
            for trial_id, rows in zip(checkpoint.trial_ids, checkpoint.history(), strict=True):
                found.setdefault(trial_id, rows)
        return {trial.id: found[trial.id] for trial in trials if trial.id in found}

    def abandon(self, trials: Sequence[Trial]) -> None:
        """Take trials out of the cohorts that wait in checkpoints: they are not trained on."""
        dropped = {trial.id for trial in trials}
        for path in self._store.checkpoints.glob("*.checkpoint"):
            checkpoint = load_checkpoint(path, torch.device("cpu"))
            if checkpoint is None or not dropped.intersection(checkpoint.trial_ids):
                continue
            if left := checkpoint.without(dropped):
                save_checkpoint(path, left)
            else:
                path.unlink()

    def _pool(self) -> WorkerPool:
        if self._workers is None:
            count = self._compute.worker_count(self._device.type)
            self._workers = self._stack.enter_context(WorkerPool(count))
        return self._workers

    def _calibration(self, paths: JobPaths) -> Calibration:
        """Return the one of a data set: what it learned about compiling is kept."""
        if paths.fingerprint not in self._calibrations:
            self._calibrations[paths.fingerprint] = Calibration(
                self._method,
                data_of(paths),
                self._compute,
                self._device,
                PlanCache(paths.store.parent / "plans.json"),
                self._pool,
                functools.partial(time_probe, paths=paths),
            )
        return self._calibrations[paths.fingerprint]

    def _planned(self, trials: Sequence[Trial], paths: JobPaths) -> list[CohortJob]:
        """Return jobs for new trials, grouped by signature and cut into cohorts by plan."""
        groups: dict[str, list[Trial]] = {}
        estimate = Estimate()
        for trial in trials:
            groups.setdefault(trial.signature, []).append(trial)
        jobs: list[CohortJob] = []
        # Of batched and plain methods apart: what suits the one does not suit the other.
        fallbacks = dict(self._first_plans)
        for group in sorted(groups.values(), key=len, reverse=True):
            # Arms of one seed share noise, so they sit side by side.
            group.sort(key=lambda trial: (trial.seed, trial.arm))
            method = self._method.of(group[0].config)
            fallback = fallbacks.get(type(method))
            if self._one_plan and fallback is not None:
                plan = fallback
            else:
                plan = self._calibration(paths).choose(group, _steps(group[0], paths), fallback)
            fallbacks.setdefault(type(method), plan)
            logger.info("%d trials of %s: %s", len(group), group[0].arm, plan)
            if not self._one_plan and len(group) * _steps(group[0], paths) >= WORTH_AN_ESTIMATE:
                estimate += self._estimate(group, plan, paths)
            start = 0
            for size in even_parts(len(group), plan):
                part = tuple(group[start : start + size])
                name = cohort_name(tuple(trial.id for trial in part))
                seconds = self._compute.checkpoint_seconds
                jobs.append(CohortJob(method, part, plan, name, seconds))
                start += size
        if self._one_plan:
            self._first_plans = fallbacks
        if estimate.trials:
            logger.info("%s", estimate)
            ask(estimate)
        return jobs

    def _estimate(self, group: list[Trial], plan: ExecutionPlan, paths: JobPaths) -> Estimate:
        seconds = self._calibration(paths).seconds(group, _steps(group[0], paths), plan)
        one = bytes_per_trial(self._method, group[0], data_of(paths), self._device)
        return Estimate(len(group), seconds, one * min(plan.cohort * plan.processes, len(group)))


def _steps(trial: Trial, paths: JobPaths) -> int:
    """Training steps of a trial."""
    training = trial.config.training
    examples = len(data_of(paths).partition(trial.stream, training.validation_fraction)[0])
    return steps_per_epoch(examples, training.batch_size) * training.epochs


def _forget(planned: Mapping[str, Trial], store: TrialStore) -> None:
    """Remove trials that are to be trained again, and the cohorts in which some of them stand."""
    for trial_id in planned:
        store.remove(trial_id)
    for path in store.checkpoints.glob("*.checkpoint"):
        checkpoint = load_checkpoint(path, torch.device("cpu"))
        if checkpoint is not None and set(checkpoint.trial_ids) & set(planned):
            path.unlink()


def _resumed(
    method: AnyMethod,
    missing: dict[str, Trial],
    planned: dict[str, Trial],
    store: TrialStore,
    checkpoint_seconds: float,
) -> list[CohortJob]:
    """Return jobs for the cohorts that a killed run left behind, as they were."""
    jobs: list[CohortJob] = []
    taken: set[str] = set()
    for path in sorted(store.checkpoints.glob("*.checkpoint")):
        checkpoint = load_checkpoint(path, torch.device("cpu"))
        if checkpoint is None or not set(checkpoint.trial_ids) <= set(planned):
            continue
        # Runs with different trials planned may leave one trial in two cohorts: one is enough.
        if not set(checkpoint.trial_ids) & set(missing) or set(checkpoint.trial_ids) & taken:
            store.flush(set(checkpoint.trial_ids) - set(missing))
            path.unlink()
            continue
        taken |= set(checkpoint.trial_ids)
        logger.info(
            "Resuming %d trials at step %d", len(checkpoint.trial_ids), checkpoint.state.step
        )
        trials = tuple(planned[i] for i in checkpoint.trial_ids)
        jobs.append(CohortJob(method, trials, checkpoint.plan, path.stem, checkpoint_seconds))
    return jobs
