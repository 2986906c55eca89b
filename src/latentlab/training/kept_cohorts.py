"""The cohorts of an earlier run, for one that takes up where it was killed.

A cohort that had begun is in its checkpoint. Of one that had not the trials are written down:
those that are missing would else be cut anew, and a trial that is trained alone computes by another
path than in company.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from latentlab.compute.config import ComputeConfig
from latentlab.compute.plan import ExecutionPlan
from latentlab.core.files import write_atomically
from latentlab.training.checkpoint import load_checkpoint
from latentlab.training.contract import AnyMethod
from latentlab.training.loop import CohortJob
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

logger = logging.getLogger(__name__)

_FILE = "cohorts"
_FREE = {"checkpoint_seconds", "detach", "slurm", "dask"}
"""Settings that decide nothing about how trials are cut into cohorts."""


def keep_cohorts(store: TrialStore, compute: ComputeConfig, jobs: Sequence[CohortJob]) -> None:
    """Write down the cohorts of a run.

    Raises:
        UserError: the store cannot be written.
    """
    cohorts = [[[trial.id for trial in job.trials], asdict(job.plan)] for job in jobs]
    content = {"compute": _settings(compute), "cohorts": cohorts}
    write_atomically(store.jobs / _FILE, json.dumps(content).encode())


def kept_cohorts(
    store: TrialStore, compute: ComputeConfig, missing: Collection[str]
) -> Mapping[tuple[str, ...], ExecutionPlan]:
    """Return the cohorts of the last run under these settings of which all trials are missing."""
    try:
        content = json.loads((store.jobs / _FILE).read_bytes())
        if content["compute"] != _settings(compute):
            return {}
        cohorts = {tuple(ids): ExecutionPlan(**plan) for ids, plan in content["cohorts"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {ids: plan for ids, plan in cohorts.items() if set(ids) <= set(missing)}


def forget(planned: Mapping[str, Trial], store: TrialStore) -> None:
    """Remove trials that are to be trained again, and the cohorts in which some of them stand."""
    for trial_id in planned:
        store.remove(trial_id)
    for path in store.checkpoints.glob("*.checkpoint"):
        checkpoint = load_checkpoint(path, torch.device("cpu"))
        if checkpoint is not None and set(checkpoint.trial_ids) & set(planned):
            path.unlink()


def resumed(
    method: AnyMethod,
    missing: dict[str, Trial],
    planned: dict[str, Trial],
    store: TrialStore,
    checkpoint_seconds: float,
    taken_over: Mapping[str, Any],
) -> list[CohortJob]:
    """Return jobs for the cohorts that a killed run left behind, as they were.

    Those that go on elsewhere are `taken_over`: their checkpoints are not touched.
    """
    jobs: list[CohortJob] = []
    elsewhere = {trial.id for job, _ in taken_over.values() for trial in job.trials}
    taken = set(elsewhere)
    for path in sorted(store.checkpoints.glob("*.checkpoint")):
        if path.stem in taken_over:
            continue
        checkpoint = load_checkpoint(path, torch.device("cpu"))
        if checkpoint is None or not set(checkpoint.trial_ids) <= set(planned):
            continue
        if set(checkpoint.trial_ids) <= elsewhere:
            # A part of a cohort that did not fit.
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


def _settings(compute: ComputeConfig) -> dict[str, object]:
    return compute.model_dump(mode="json", exclude=_FREE)
