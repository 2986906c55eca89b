"""Runs the programs of a study that have not run yet, as `training.runner` trains its trials."""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import device_count, resolve_device, visible_devices
from latentlab.compute.executors.inline import Inline
from latentlab.core.counting import Counted
from latentlab.core.errors import UserError
from latentlab.core.validation import nearest
from latentlab.experiment.programs.running import (
    RUNNING,
    News,
    ProgramJob,
    epochs_in,
    paused_history,
    run_job,
)
from latentlab.experiment.programs.settings import TRACKERS
from latentlab.experiment.programs.source import ProgramSource
from latentlab.experiment.programs.trial import ProgramTrial
from latentlab.training.estimate import Estimate
from latentlab.training.status import write_plan
from latentlab.training.store import TrialStore
from latentlab.training.trains import Trains
from latentlab.training.trial import Trial
from latentlab.training.trial_files import PROGRAM

logger = logging.getLogger(__name__)


class ProgramTrainer(Trains):
    """Runs programs, several at once where there are cores.

    Args:
        source: where the programs run.
        metrics: names of the declared metrics.
        store: where trials are kept.
        compute: device and engine.

    Raises:
        UserError: no such device.
    """

    def __init__(
        self,
        source: ProgramSource,
        metrics: Collection[str],
        store: TrialStore,
        compute: ComputeConfig,
    ) -> None:
        if resolve_device(compute).type == "cuda" and compute.workers == "auto":
            # A program knows of no other that would want its GPU.
            compute = compute.model_copy(update={"workers": device_count(compute)})
        super().__init__(store, compute)
        self._source = source
        self._metrics = metrics

    def train(
        self,
        trials: Sequence[Trial],
        retrain: bool = False,
        pause: int | None = None,
        begin: Callable[[Collection[str]], None] | None = None,
    ) -> frozenset[str]:
        """Run what has not run yet; what failed runs again only where more tries are allowed.

        A pause stops programs once they have written so many epochs of their history, and keeps
        that alone: they are run from the start again, if they are to go on.

        Raises:
            UserError: beside what `Trains` says, a score of an undeclared metric.
        """
        planned = {trial.id: cast("ProgramTrial", trial) for trial in trials}
        if retrain:
            self._taken_over(run_job, lambda payload: False)
            for trial_id in planned:
                self._store.remove(trial_id)
                paused_history(self._store.root, trial_id).unlink(missing_ok=True)
        tried = {i: self._tried(i) for i in planned}
        missing = {i: t for i, t in planned.items() if tried[i] <= t.program.retries}
        known = len(planned) - len(missing)
        logger.info("%d of %d trials are known, %d to run", known, len(planned), len(missing))
        for trial_id in planned.keys() - missing.keys():
            self._require_declared(planned[trial_id])
        if not missing:
            return frozenset()
        if begin is not None:
            begin(missing)
        waiting = [
            trial
            for i, trial in missing.items()
            if pause is None or epochs_in(self._paused(i)) < pause
        ]
        self._run(waiting, planned, tried, pause)
        return frozenset(missing)

    def estimate(self, trials: Sequence[Trial]) -> Estimate | None:
        """Return what programs took that ran before, on average, times these; None without any."""
        if self._compute.place:
            return None
        records = [self._store.record(folder.name) for folder in self._store.whole()]
        if not records:
            return None
        mean = sum(record.seconds for record in records) / len(records)
        rounds = -(-len(trials) // max(1, min(self._worker_count(), len(trials))))
        return Estimate(len(trials), mean * rounds)

    def histories(self, trials: Sequence[Trial]) -> dict[str, dict[str, list[float | None]]]:
        """Return scores per epoch by name, of trials that ended and of those that were stopped."""
        return {
            trial.id: self._store.history(trial.id)
            if self._store.knows(trial.id)
            else self._paused(trial.id)
            for trial in trials
        }

    def abandon(self, trials: Sequence[Trial]) -> None:
        """Forget what programs had written that were stopped at a rung and do not go on."""
        for trial in trials:
            paused_history(self._store.root, trial.id).unlink(missing_ok=True)

    def _run(
        self,
        trials: Sequence[ProgramTrial],
        planned: Mapping[str, ProgramTrial],
        tried: Mapping[str, int],
        pause: int | None,
    ) -> None:
        wanted = {trial.id for trial in trials}
        taken_over = self._taken_over(run_job, lambda job: job.trial.id in wanted)
        self._remove_remains(taken_over)
        # Some may have come to their end until we knew what is under way.
        trials = [t for t in trials if t.id in taken_over or self._tried(t.id) == tried[t.id]]
        remote = bool(self._compute.place)
        workers = len(self._executor()) if remote else min(self._worker_count(), len(trials))
        beside = "one at a time" if workers <= 1 else f"{workers} at once"
        jobs = {
            trial.id: ProgramJob(
                trial=trial,
                directory=self._source.directory,
                store=self._store.root.absolute(),
                device=self._compute.device if remote else str(self._device),
                environment=self._environment(workers),
                plan=f"a process each, {beside}",
                tried=tried[trial.id],
                tries=1 + trial.program.retries,
                pause=pause,
            )
            for trial in trials
        }
        write_plan(self._store, planned, {trial.id: [trial.id] for trial in trials})
        progress = _Progress({trial.id: trial for trial in trials}, self._require_declared)
        if workers <= 1 and not remote:
            Inline(self._store.jobs).run(run_job, jobs, progress.report)
        else:
            leave = self._compute.detach
            self._executor().run(run_job, jobs, progress.report, leave)
        progress.end()

    def _remove_remains(self, taken_over: Collection[str]) -> None:
        """Remove what programs wrote whose run was killed; nobody else runs programs here."""
        for folder in (self._store.root / RUNNING).glob("*"):
            if folder.name.partition(".")[0] not in taken_over:
                shutil.rmtree(folder, ignore_errors=True)

    def _worker_count(self) -> int:
        if self._compute.engine == "inline":
            return 1
        return self._compute.worker_count(self._device.type, device_count(self._compute))

    def _environment(self, workers: int) -> dict[str, str]:
        """Variables of all programs: their device, unless a worker has its own, and their cores."""
        remote = bool(self._compute.place)
        asked = self._compute.device if remote else self._device.type
        kind, _, index = asked.partition(":")
        threads = self._compute.threads
        if threads == "auto":
            threads = self._compute.share_of_cores(max(1, workers))
        found = {"OMP_NUM_THREADS": str(threads)}
        if kind not in ("cuda", "auto"):
            found["CUDA_VISIBLE_DEVICES"] = ""
        elif index:
            found["CUDA_VISIBLE_DEVICES"] = index
        elif workers <= 1 and not remote:
            found["CUDA_VISIBLE_DEVICES"] = ",".join(visible_devices([self._device]))
        return found

    def _tried(self, trial_id: str) -> int:
        """Return how often a trial was run in vain; more than any number where it is known."""
        if not self._store.knows(trial_id):
            return 0
        return self._failures(trial_id)

    def _again(self, trial: Trial) -> bool:
        return self._failures(trial.id) <= cast("ProgramTrial", trial).program.retries

    def _failures(self, trial_id: str) -> int:
        """Return the same of a trial that is stored."""
        if self._store.record(trial_id).status != "failed":
            return 1 << 30
        return int(self._written(trial_id)["tries"])

    def _written(self, trial_id: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            (self._store.folder(trial_id) / PROGRAM).read_text("utf-8")
        )
        return content

    def _paused(self, trial_id: str) -> dict[str, list[float | None]]:
        path = paused_history(self._store.root, trial_id)
        try:
            history: dict[str, list[float | None]] = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return {}
        return history

    def _require_declared(self, trial: ProgramTrial) -> None:
        """Refuse a score of an undeclared metric, in a file that holds nothing but scores."""
        if trial.program.scores in TRACKERS or not self._store.knows(trial.id):
            return
        scores = self._written(trial.id)["scores"]
        names = dict.fromkeys(name for split in scores.values() for name in split)
        unknown = [name for name in names if name not in self._metrics]
        if unknown:
            near = nearest(unknown[0], list(self._metrics))
            raise UserError(
                f"{trial.program.scores} of arm {trial.arm}, seed {trial.seed} has "
                f"{', '.join(unknown)}, which {trial.study}.metrics does not declare",
                f"Declare it there, and run again: what has run is kept. {near}",
            )


class _Progress:
    """Tells how many programs have ended, and at the end which have failed."""

    def __init__(
        self,
        trials: Mapping[str, ProgramTrial],
        require_declared: Callable[[ProgramTrial], None],
    ) -> None:
        self._trials = trials
        self._require_declared = require_declared
        self._ended = Counted("Running: %d of %d programs have ended", len(trials))
        self._failed: dict[str, list[str]] = {}

    def report(self, news: News) -> None:
        """Take note that a program has ended.

        Raises:
            UserError: it has written a score of an undeclared metric.
        """
        trial = self._trials[news["trial"]]
        self._ended.add()
        if news["failure"]:
            what = f"seed {trial.seed}: {news['failure']}"
            self._failed.setdefault(trial.arm, []).append(what)
        else:
            self._require_declared(trial)

    def end(self) -> None:
        """Say which failed, by arm."""
        planned = Counter(trial.arm for trial in self._trials.values())
        for arm, failures in self._failed.items():
            logger.warning("%s: %d of %d failed; %s", arm, len(failures), planned[arm], failures[0])
