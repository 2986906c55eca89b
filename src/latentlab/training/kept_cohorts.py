"""Which trials were to be trained together, for a run that takes up where another was killed.

A cohort that had begun is in its checkpoint. One that had not is here: trials that are missing
would else be cut anew, and a trial that is trained alone computes by another path than in company.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from latentlab.compute.config import ComputeConfig
from latentlab.compute.plan import ExecutionPlan
from latentlab.core.files import write_atomically
from latentlab.training.loop import CohortJob
from latentlab.training.store import TrialStore

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


def _settings(compute: ComputeConfig) -> dict[str, object]:
    return compute.model_dump(mode="json", exclude=_FREE)
