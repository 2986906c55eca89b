"""Trains the trials of a study that are not trained yet, by the plan that measures fastest."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import machine_name
from latentlab.compute.executors.inline import Inline
from latentlab.compute.plan import ExecutionPlan, PlanCache, even_parts
from latentlab.training.calibration import Calibration
from latentlab.training.checkpoint import cohort_name, load_checkpoint, save_checkpoint
from latentlab.training.choosing import Choice, FirstPlans, choose_plans, only_plan
from latentlab.training.contract import AnyMethod
from latentlab.training.estimate import Estimate, ask
from latentlab.training.halving import FittingCohorts
from latentlab.training.kept_cohorts import forget, keep_cohorts, kept_cohorts, resumed
from latentlab.training.loop import CohortJob
from latentlab.training.method_code import changed_code
from latentlab.training.progress import ProgressDisplay
from latentlab.training.status import write_plan
from latentlab.training.store import TrialStore
from latentlab.training.trains import Trains
from latentlab.training.trial import Trial, group_text
from latentlab.training.worker import (
    Choosing,
    JobPaths,
    choose_in_worker,
    data_of,
    time_probe,
    train_job,
)

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
        super().__init__(store, compute)
        self._method = method
        self._prepared = prepared.absolute()
        self._one_plan = one_plan
        self._first_plans: FirstPlans = {}
        self._calibrations: dict[str, Calibration] = {}
        self._plans = PlanCache(store.root.absolute().parent / "plans.json")
        self._fitting = FittingCohorts(self._plans, compute.place or machine_name(self._device))
        self._compared: set[str] = set()

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
            self._taken_over(train_job, lambda payload: False)
            forget(planned, self._store)
        missing = {i: trial for i, trial in planned.items() if not self._store.knows(i)}
        logger.info(
            "%d of %d trials are known, %d to train",
            len(planned) - len(missing),
            len(planned),
            len(missing),
        )
        self._warn_of_other_code([t for i, t in planned.items() if i not in missing])
        if not missing:
            return frozenset()
        new = frozenset(missing)
        if begin is not None:
            begin(new)
        paths = self._paths(next(iter(missing.values())))

        def wanted(payload: tuple[CohortJob, JobPaths]) -> bool:
            ids = {trial.id for trial in payload[0].trials}
            return ids <= planned.keys() and bool(ids & missing.keys())

        taken_over = self._taken_over(train_job, wanted)
        # Some may have come to their end until we knew what is under way.
        missing = {i: trial for i, trial in missing.items() if not self._store.knows(i)}
        jobs = [job for job, _ in taken_over.values()]
        jobs += resumed(
            self._method,
            missing,
            planned,
            self._store,
            self._compute.checkpoint_seconds,
            taken_over,
        )
        taken = {trial.id for job in jobs for trial in job.trials}
        rest = {i: trial for i, trial in missing.items() if i not in taken}
        for ids, plan in kept_cohorts(self._store, self._compute, rest).items():
            jobs.append(self._job(tuple(rest.pop(i) for i in ids), plan))
        jobs += self._planned(list(rest.values()), paths)
        keep_cohorts(self._store, self._compute, jobs)
        jobs = [replace(job, pause=pause) for job in jobs]
        write_plan(self._store, planned, {j.name: [t.id for t in j.trials] for j in jobs})
        with ProgressDisplay({job.name: len(job.trials) for job in jobs}) as display:
            # Of its own GPUs a worker sees one.
            there = paths if self._compute.place else replace(paths, device=self._device.type)
            here = {j.name: (j, paths) for j in jobs if self._is_here(j)}
            self._learn(here, Inline(self._store.jobs).run(train_job, here, display.report))
            # Longest first, so that no worker is left with the longest job at the end; among
            # equals by seed, so that a run that is stopped leaves whole seeds behind.
            jobs.sort(key=lambda job: (-len(job.trials), job.trials[0].seed))
            shared = {j.name: (j, there) for j in jobs if not self._is_here(j)}
            if shared:
                leave = self._compute.detach
                limits = self._executor().run(train_job, shared, display.report, leave)
                self._learn(shared, limits)
        return new

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

    def estimate(self, trials: Sequence[Trial]) -> Estimate | None:
        """Measure plans as `train` does, and what training by them takes; nothing is trained."""
        if self._compute.place:
            return None
        groups, paths = _groups(trials), self._paths(trials[0])
        choices = choose_plans(self._calibration(paths), groups, {}, False, forecast=True)
        return sum((one.estimate for one in choices if one.estimate), Estimate())

    def _warn_of_other_code(self, known: Sequence[Trial]) -> None:
        """Warn of trials that other code trained under the present version, once of each."""
        new = [trial for trial in known if trial.id not in self._compared]
        self._compared |= {trial.id for trial in new}
        trained = ((self._method.of(t.config), self._store.record(t.id).versions) for t in new)
        if warning := changed_code(self._method, trained):
            logger.warning("%s", warning)

    def _paths(self, trial: Trial) -> JobPaths:
        """Return where jobs on the data of a trial find it, and leave trials."""
        return JobPaths(
            self._prepared,
            trial.data,
            self._store.root.absolute(),
            # A cluster's worker looks for the device itself.
            self._compute.device if self._compute.place else str(self._device),
            self._compute.precision,
            self._compute.deterministic,
        )

    def _learn(
        self, jobs: Mapping[str, tuple[CohortJob, JobPaths]], limits: Sequence[int | None]
    ) -> None:
        """Remember which cohorts were halved, and how many trials then fitted."""
        for (job, _), limit in zip(jobs.values(), limits, strict=True):
            if limit is not None:
                self._fitting.remember(job.trials[0], job.plan, limit)

    def _is_here(self, job: CohortJob) -> bool:
        """Whether this process trains it."""
        return job.plan.processes == 1 and not self._compute.place

    def _calibration(self, paths: JobPaths) -> Calibration:
        """Return the one of a data set: what it learned about compiling is kept."""
        if paths.fingerprint not in self._calibrations:
            self._calibrations[paths.fingerprint] = Calibration(
                self._method,
                data_of(paths),
                self._compute,
                self._device,
                self._plans,
                self._executor,
                functools.partial(time_probe, paths=replace(paths, device=self._device.type)),
            )
        return self._calibrations[paths.fingerprint]

    def _planned(self, trials: Sequence[Trial], paths: JobPaths) -> list[CohortJob]:
        """Return jobs for new trials, grouped by signature and cut into cohorts by plan."""
        groups = _groups(trials)
        estimate, jobs = Estimate(), []
        for group, choice in zip(groups, self._choices(groups, paths), strict=True):
            plan = self._fitting.bounded(group[0], choice.plan)
            logger.info("%s: %s", group_text(group), plan)
            estimate += choice.estimate or Estimate()
            start = 0
            for size in even_parts(len(group), plan):
                jobs.append(self._job(tuple(group[start : start + size]), plan))
                start += size
        if estimate.trials:
            logger.info("%s", estimate)
            ask(estimate)
        return jobs

    def _job(self, trials: tuple[Trial, ...], plan: ExecutionPlan) -> CohortJob:
        name = cohort_name(tuple(trial.id for trial in trials))
        method = self._method.of(trials[0].config)
        return CohortJob(method, trials, plan, name, self._compute.checkpoint_seconds)

    def _choices(self, groups: Sequence[list[Trial]], paths: JobPaths) -> list[Choice]:
        """Choose plans: here, or in one job of the cluster whose workers will train."""
        first = self._first_plans if self._one_plan else {}
        if not groups:
            return []
        if not self._compute.place:
            return choose_plans(self._calibration(paths), groups, first, self._one_plan)
        compute = self._compute.model_copy(update={"workers": len(self._executor())})
        plans = [only_plan(self._method, group, compute) for group in groups]
        if None not in plans:
            return [Choice(plan, None) for plan in plans if plan is not None]
        known = [first.get(type(self._method.of(group[0].config))) for group in groups]
        if None not in known:
            return [Choice(plan, None) for plan in known if plan is not None]
        asked = Choosing(self._method, tuple(map(tuple, groups)), compute, paths, self._one_plan)
        (choices,) = self._executor().run(choose_in_worker, {"plans": asked}, lambda news: None)
        for group, choice in zip(groups, choices, strict=True):
            first.setdefault(type(self._method.of(group[0].config)), choice.plan)
        found: list[Choice] = choices
        return found


def _groups(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Return trials by signature, the largest group first."""
    by_signature: dict[str, list[Trial]] = {}
    for trial in trials:
        by_signature.setdefault(trial.signature, []).append(trial)
    groups = sorted(by_signature.values(), key=len, reverse=True)
    for group in groups:
        # Arms of one seed share noise, so they sit side by side.
        group.sort(key=lambda trial: (trial.seed, trial.arm))
    return groups
