"""Scores of many trials, by the workers of an engine where that is sooner than by this process."""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import device_count, find_device, set_threads
from latentlab.compute.executors.job import Report
from latentlab.compute.executors.registry import open_executor
from latentlab.core.counting import Counted
from latentlab.data import Prepared, load_prepared
from latentlab.experiment.measurements import load_values
from latentlab.experiment.study import Study
from latentlab.experiment.trial_scores import (
    EXAMPLES,
    SCORES,
    Splits,
    identity_of,
    known_or_computed,
)
from latentlab.training.store import TrialStore
from latentlab.training.trial_files import require_whole

WORTH_WORKERS = 10.0
"""Seconds of scoring from which worker processes, which take some to start, are sooner."""
PARTS = 4
"""Jobs of each worker: few, for each loads the data, and enough to be even."""


def compute_missing(
    study: Study,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    wanted: Collection[str],
    with_examples: bool,
    compute: ComputeConfig,
    data: Splits,
) -> None:
    """Compute and keep what is missing: by workers, if others than this process would be sooner.

    Of data that is in memory alone, which no worker can read, nothing is computed.
    """
    if prepared.folder is None:
        return
    missing = []
    for trial_id, digest in trials[["trial_id", "weights_digest"]].itertuples(index=False):
        folder, identity = store.folder(trial_id), identity_of(study, str(digest))
        scores = load_values(folder / SCORES, identity) or {}
        # That the values of examples are those of the scores is looked at once, by whoever reads.
        lacking = with_examples and not (folder / EXAMPLES).exists()
        if lacking or not scores.keys() >= set(wanted):
            require_whole(folder)
            missing.append((folder, identity))
    counted = Counted("Scoring: %d of %d trials", len(missing))
    workers = compute.worker_count(data.device.type, device_count(compute))
    if not compute.place and missing:
        begun = time.monotonic()
        known_or_computed(study, *missing.pop(0), data, wanted, with_examples)
        counted.add()
        # The first is slower than the others, and so tells too much rather than too little.
        soon = (time.monotonic() - begun) * len(missing) < WORTH_WORKERS
        if soon or workers == 1 or compute.engine == "inline":
            for one in missing:
                known_or_computed(study, *one, data, wanted, with_examples)
                counted.add()
            return
    if not missing:
        return
    with open_executor(compute, data.device.type, store.jobs) as executor:
        size = -(-len(missing) // (PARTS * len(executor)))
        # Of its own GPUs a worker sees one.
        device = compute.device if compute.place else data.device.type
        source = (prepared.folder.absolute(), device, compute.precision)
        jobs = {
            f"scores-{part[0][0].name}": ScoringJob(
                study, part, source, tuple(wanted), with_examples
            )
            for start in range(0, len(missing), size)
            for part in [[(f.absolute(), i) for f, i in missing[start : start + size]]]
        }
        first = 0 if compute.place else 1
        done: dict[str, int] = {}

        def tell(news: Scored) -> None:
            done[news["first"]] = news["count"]
            counted.reach(first + sum(done.values()))

        executor.run(score_in_worker, jobs, tell)


class Scored(TypedDict):
    """News of a job: how many of its trials are scored; the first of them names it."""

    first: str
    count: int


@dataclass(frozen=True)
class ScoringJob:
    """Trials to be scored by a worker; picklable.

    Attributes:
        study: says what is measured.
        trials: their folders, and what their scores depend on.
        source: folder of the data, device and precision.
        wanted: the splits.
        with_examples: as of `score_trials`.
    """

    study: Study
    trials: Sequence[tuple[Path, dict[str, Any]]]
    source: tuple[Path, str, str]
    wanted: tuple[str, ...]
    with_examples: bool


def score_in_worker(job: ScoringJob, report: Report) -> None:
    """Score trials; the scores are kept with them."""
    data = _splits_of(*job.source)
    for count, (folder, identity) in enumerate(job.trials, start=1):
        # Of each: what measures the first loads libraries that bring pools of threads.
        set_threads(1)
        known_or_computed(job.study, folder, identity, data, job.wanted, job.with_examples)
        report(Scored(first=job.trials[0][0].name, count=count))


@functools.lru_cache(maxsize=1)
def _splits_of(prepared: Path, device: str, precision: str) -> Splits:
    return Splits(load_prepared(prepared), find_device(device, precision))
