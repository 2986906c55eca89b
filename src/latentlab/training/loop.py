"""The one training loop: a cohort from its first step, or its checkpoint, to stored trials."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import numpy as np
import safetensors.torch
import torch

import latentlab
from latentlab.compute.device import compute_with
from latentlab.compute.plan import ExecutionPlan
from latentlab.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from latentlab.training.contract import AnyMethod
from latentlab.training.data import StudyData
from latentlab.training.group import TrainingGroup, steps_unwatched
from latentlab.training.groups import open_group
from latentlab.training.method_code import method_code
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial
from latentlab.training.trial_files import TrialRecord

CHECKPOINT_SHARE = 0.03
"""A checkpoint that takes long is written less often, so that it costs at most this share."""

REPORT_SECONDS = 0.2
"""Progress is told about this often."""

FEWEST = 2
"""Compaction keeps a cohort at two trials or more: a cohort of one computes by another path."""


class Progress(TypedDict):
    """News of a cohort, for a progress display.

    Attributes:
        cohort: its name.
        first: trial-steps that were done when it was taken up.
        steps: trial-steps done so far.
        total: trial-steps in all, or what is left of them after trials dropped out.
        text: the cohort in words.
    """

    cohort: str
    first: int
    steps: int
    total: int
    text: str


@dataclass(frozen=True)
class CohortJob:
    """A cohort to be trained; picklable, so that a worker process can be given it.

    `name` is that of its checkpoint: it outlives compaction, which changes the trials. With
    `pause` the cohort is left as a checkpoint at the end of that epoch, and goes on another time.
    """

    method: AnyMethod
    trials: tuple[Trial, ...]
    plan: ExecutionPlan
    name: str
    checkpoint_seconds: float
    pause: int | None = None


def train_cohort(
    job: CohortJob,
    data: StudyData,
    store: TrialStore,
    device: torch.device,
    report: Callable[[Progress], None],
) -> None:
    """Train a cohort to its end and store its trials; resumes from its checkpoint if it has one.

    Raises:
        UserError: the store cannot be written.
    """
    compute_with(job.plan.threads, job.trials[0].precision)
    # Read as it trains: while it does, somebody may go on writing it.
    code = method_code(type(job.method))
    path = store.checkpoint(job.name)
    cohort, started_at = _open(job, path, data, store, device)
    arms = list(dict.fromkeys(trial.arm for trial in job.trials))
    text = f"{len(job.trials)} trials: {', '.join(arms)}"
    interval = job.checkpoint_seconds
    last_saved = last_told = last_counted = time.perf_counter()
    size, first = len(job.trials), cohort.state.step

    def tell(step: int) -> None:
        report(
            Progress(
                cohort=job.name,
                first=first * size,
                steps=step * size,
                total=cohort.total_steps * size,
                text=text,
            )
        )

    last = cohort.total_steps if job.pause is None else job.pause * cohort.epoch_steps
    most = 1
    while not cohort.finished and cohort.state.step < last:
        begun, before = time.perf_counter(), cohort.state.step
        ended_epoch = cohort.advance(most)
        now = time.perf_counter()
        most = steps_unwatched(cohort.state.step - before, now - begun)
        due = now - last_saved >= interval
        if due or ended_epoch or cohort.finished:
            _share_time(cohort, now - last_counted)
            last_counted = now
        if ended_epoch:
            _drop_finished(cohort, job, store, code, started_at, device)
        if due:
            _checkpoint(path, cohort, job, started_at)
            last_saved = time.perf_counter()
            interval = max(job.checkpoint_seconds, (last_saved - now) / CHECKPOINT_SHARE)
        if now - last_told >= REPORT_SECONDS:
            tell(cohort.state.step)
            last_told = now
    # A kill while the trials are stored then leaves the others as they are: nothing is trained
    # again, and no trial is left to be trained alone, by another path than its cohort's.
    _checkpoint(path, cohort, job, started_at)
    if not cohort.finished:
        return
    _store(cohort, range(len(cohort.trials)), job, store, code, started_at, device)
    path.unlink(missing_ok=True)
    tell(cohort.total_steps)


def _open(
    job: CohortJob, path: Path, data: StudyData, store: TrialStore, device: torch.device
) -> tuple[TrainingGroup, str]:
    """Return the cohort as its checkpoint has it, or a new one."""
    checkpoint = load_checkpoint(path, device) if path.exists() else None
    started_at = checkpoint.started_at if checkpoint else _now()
    known = {trial.id: trial for trial in job.trials}
    trials = [known[i] for i in checkpoint.trial_ids] if checkpoint else list(job.trials)
    cohort = open_group(
        job.method,
        trials,
        data,
        device,
        precision=trials[0].precision,
        compiled=job.plan.compile,
        graphs=job.plan.graphs,
        state=checkpoint.state if checkpoint else None,
    )
    # A run killed while it stored a finished cohort has stored some of its trials.
    stored = [i for i, trial in enumerate(trials) if (store.folder(trial.id)).exists()]
    if stored:
        # The next checkpoint is without them.
        store.flush(trials[i].id for i in stored)
        cohort.select(
            _with_company([i for i in range(len(trials)) if i not in stored], len(trials))
        )
    return cohort, started_at


def _with_company(keep: list[int], count: int) -> list[int]:
    """Return `keep`, filled up to the fewest trials a cohort may be compacted to."""
    others = [index for index in range(count) if index not in keep]
    return sorted(keep + others[: max(0, min(FEWEST, count) - len(keep))])


def _drop_finished(
    cohort: TrainingGroup,
    job: CohortJob,
    store: TrialStore,
    code: Mapping[str, str],
    started_at: str,
    device: torch.device,
) -> None:
    """Store and drop the trials that stopped or diverged, once fewer than half are alive."""
    alive = [index for index, lives in enumerate(cohort.state.alive.tolist()) if lives]
    keep = _with_company(alive, len(cohort.trials))
    if not alive or 2 * len(alive) >= len(cohort.trials) or len(keep) == len(cohort.trials):
        return
    dropped = [index for index in range(len(cohort.trials)) if index not in keep]
    _store(cohort, dropped, job, store, code, started_at, device)
    cohort.select(keep)


def _checkpoint(path: Path, cohort: TrainingGroup, job: CohortJob, started_at: str) -> None:
    ids = tuple(trial.id for trial in cohort.trials)
    save_checkpoint(path, Checkpoint(ids, started_at, job.plan, cohort.gathered(), cohort.scores))


def _share_time(cohort: TrainingGroup, seconds: float) -> None:
    """Give each living trial its share of the time that passed."""
    alive = cohort.state.alive
    cohort.state.seconds += alive * (seconds / max(1, int(alive.sum())))


def _store(
    cohort: TrainingGroup,
    indices: Sequence[int],
    job: CohortJob,
    store: TrialStore,
    code: Mapping[str, str],
    started_at: str,
    device: torch.device,
) -> None:
    """Write the trials at `indices`, and wait until the disk has them.

    What removes them from the checkpoint, or the checkpoint, comes after: a loss of power finds
    each trial in one of the two.
    """
    # Alone in its file, a trial needs nothing of its cohort; one transfer serves all of them.
    state = cohort.gathered().map(lambda tensor: tensor.detach().cpu())
    names = cohort.scores
    for index in indices:
        trial = cohort.trials[index]
        if store.folder(trial.id).exists():
            continue
        weights = safetensors.torch.save(cohort.tensors_of(state, index))
        steps = int(state.steps[index])
        diverged_at = int(state.diverged_at[index])
        best_epoch = int(state.watch["best_epoch"][index])
        stopped = diverged_at < 0 and steps < cohort.total_steps
        # Epochs that it finished: in a cohort that went on, the rows after them are empty.
        history = state.history[index, : steps // cohort.epoch_steps].numpy().astype(np.float64)
        scores = {name: history[:, i] for i, name in enumerate(names)}
        last = {name: float(v[-1]) for name, v in scores.items() if len(v)}
        method_state = {name: tensor[index] for name, tensor in state.method_state.items()}
        record = TrialRecord(
            id=trial.id,
            study=trial.study,
            seed=trial.seed,
            status="diverged" if diverged_at >= 0 else "stopped" if stopped else "finished",
            outcome=job.method.outcome(method_state, last),
            epochs=-(-steps // cohort.epoch_steps),
            epoch_steps=cohort.epoch_steps,
            steps=steps,
            seconds=float(state.seconds[index]),
            diverged_at=diverged_at if diverged_at >= 0 else None,
            best_epoch=best_epoch if best_epoch >= 0 else None,
            started_at=started_at,
            finished_at=_now(),
            device=_device_name(device),
            plan=str(job.plan),
            cohort=len(cohort.trials),
            precision=trial.precision,
            data=trial.data,
            versions={
                "latentlab": latentlab.__version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
                **code,
            },
            weights_digest=hashlib.sha256(weights).hexdigest(),
        )
        table: dict[str, list[float | None]] = {
            name: [float(v) if np.isfinite(v) else None for v in values]
            for name, values in scores.items()
        }
        store.save(record, weights, trial.config.model_dump(mode="json"), table)
    store.flush(cohort.trials[index].id for index in indices)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
