"""A cohort that the memory does not hold is trained in halves, and its size is remembered."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace

import torch

from latentlab.compute.plan import ExecutionPlan, PlanCache
from latentlab.core.errors import UserError
from latentlab.training.checkpoint import cohort_name, load_checkpoint, save_checkpoint
from latentlab.training.data import StudyData
from latentlab.training.loop import CohortJob, Progress, train_cohort
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

logger = logging.getLogger(__name__)

_WORDS = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""Of errors that have no type of their own: the CPU's allocator's, Metal's, cuBLAS's."""


def out_of_memory(error: Exception) -> bool:
    """Return whether an error says that memory was short."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def train_fitting(
    job: CohortJob,
    data: StudyData,
    store: TrialStore,
    device: torch.device,
    report: Callable[[Progress], None],
) -> int | None:
    """Train a cohort as `train_cohort`, in halves and halves of these where memory is short.

    A half goes on from what the whole had reached in its last checkpoint. A job that is given in
    again after its worker was killed finds its halves where they stood.

    Returns:
        Most trials at once that the memory held, where it did not hold all of them; else None.

    Raises:
        UserError: as `train_cohort`; one trial alone is too large.
    """
    if _stored(job, store):
        return None
    if not _was_halved(job, store):
        try:
            train_cohort(job, data, store, device, report)
            return None
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if len(job.trials) == 1:
                raise UserError(
                    f"A trial of the arm {job.trials[0].arm} does not fit into the memory of "
                    f"{device}",
                    "Make its model or training.batch_size smaller, or end what else uses it.",
                ) from error
            logger.info("%d trials at once: out of memory, halved", len(job.trials))
        # Not within the handler: the error holds the frames of the step, and so its tensors.
        _free(device)
        _divide(job, store)
    first, second = _halves(job)
    limits = [
        train_fitting(half, data, store, device, _as_part(job, half, done, report))
        for half, done in ((first, 0), (second, len(first.trials)))
    ]
    return min((limit for limit in limits if limit is not None), default=len(first.trials))


class FittingCohorts:
    """Sizes of cohorts that the memory held where it had not held more, by workload.

    Args:
        cache: where they are remembered, beside the measured plans.
        machine: whose memory it is.
    """

    def __init__(self, cache: PlanCache, machine: str) -> None:
        self._cache = cache
        self._machine = machine

    def bounded(self, trial: Trial, plan: ExecutionPlan) -> ExecutionPlan:
        """Return the plan for trials like this one with cohorts that fit, as far as is known."""
        known = self._cache.get(self._key(trial))
        return replace(plan, cohort=min(plan.cohort, known.cohort)) if known else plan

    def remember(self, trial: Trial, plan: ExecutionPlan, limit: int) -> None:
        """Remember that of trials like this one so many were held, and no more."""
        self._cache.put(self._key(trial), self.bounded(trial, replace(plan, cohort=limit)))

    def _key(self, trial: Trial) -> str:
        parts = [
            "fits",
            trial.study,
            trial.signature,
            trial.data,
            trial.precision,
            self._machine,
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _halves(job: CohortJob) -> tuple[CohortJob, CohortJob]:
    """Return jobs for both halves, the larger first."""
    middle = -(-len(job.trials) // 2)
    parts = job.trials[:middle], job.trials[middle:]
    first, second = (
        replace(
            job,
            trials=part,
            plan=replace(job.plan, cohort=len(part)),
            name=cohort_name(tuple(trial.id for trial in part)),
        )
        for part in parts
    )
    return first, second


def _stored(job: CohortJob, store: TrialStore) -> bool:
    return all(store.folder(trial.id).exists() for trial in job.trials)


def _was_halved(job: CohortJob, store: TrialStore) -> bool:
    """Return whether an earlier worker has begun with the halves of a job, or theirs."""
    if len(job.trials) == 1 or store.checkpoint(job.name).exists():
        return False
    return any(
        store.checkpoint(half.name).exists() or _stored(half, store) or _was_halved(half, store)
        for half in _halves(job)
    )


def _divide(job: CohortJob, store: TrialStore) -> None:
    """Give each half what the whole's checkpoint has of it."""
    path = store.checkpoint(job.name)
    checkpoint = load_checkpoint(path, torch.device("cpu")) if path.exists() else None
    if checkpoint is None:
        return
    for half in _halves(job):
        others = set(checkpoint.trial_ids) - {trial.id for trial in half.trials}
        if part := checkpoint.without(others):
            save_checkpoint(store.checkpoint(half.name), replace(part, plan=half.plan))
    path.unlink()


def _free(device: torch.device) -> None:
    """Give back what nothing uses any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _as_part(
    job: CohortJob, half: CohortJob, done: int, report: Callable[[Progress], None]
) -> Callable[[Progress], None]:
    """Return what tells news of a half as news of the whole, of which `done` trials are done."""

    def tell(news: Progress) -> None:
        of_a_trial = news["total"] // len(half.trials)
        news["steps"] += done * of_a_trial
        news["first"] += done * of_a_trial
        news["total"] = len(job.trials) * of_a_trial
        report({**news, "cohort": job.name})

    return tell
