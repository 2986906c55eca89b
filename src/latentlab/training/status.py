"""How a study's training stands, from its folder alone: while another process trains, or none.

The driver writes down once what it wants (`jobs/plan`), each job where it runs
(`compute.executors.notes`), and trials that are done have folders.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from latentlab.compute.executors.notes import Note, read_notes
from latentlab.core.files import write_atomically
from latentlab.training.store import TrialStore
from latentlab.training.trial_files import lost

_PLAN = "plan"


@dataclass(frozen=True)
class Running:
    """A job that runs.

    Attributes:
        host: the machine.
        queue: its number in the cluster's queue; empty where there is none.
        trials: how many of it are not done.
        percent: of its steps, where it tells them.
        silent: seconds since it was last heard of.
    """

    host: str
    queue: str
    trials: int
    percent: float | None
    silent: float


@dataclass(frozen=True)
class Status:
    """Trials of the last run, by how they stand.

    Attributes:
        planned: all of them.
        done: those that are stored, with those that failed.
        failed: those that came to nothing, by how: `diverged`, `failed`.
        running: jobs that run.
        waiting: trials that no job works at.
        seconds_left: None where nothing runs, or nothing is known of its speed.
    """

    planned: int
    done: int
    failed: dict[str, int]
    running: tuple[Running, ...]
    waiting: int
    seconds_left: float | None

    def lines(self) -> list[str]:
        """Return the status in words."""
        at_work = sum(job.trials for job in self.running)
        failed = "".join(f", {count} {how}" for how, count in sorted(self.failed.items()))
        found = [
            f"{self.done} of {self.planned} trials done{failed}; {at_work} running, "
            f"{self.waiting} waiting"
        ]
        for job in self.running:
            where = f"{job.host}, job {job.queue}" if job.queue else job.host
            share = "" if job.percent is None else f", {job.percent:.0f} %"
            silent = f", silent for {job.silent:.0f} s" if job.silent >= SILENT else ""
            found.append(f"  {where}: {job.trials} trials{share}{silent}")
        if self.seconds_left is not None:
            found.append(f"About {self.seconds_left:,.0f} s left")
        elif self.waiting:
            found.append("Nobody trains: run the study to go on.")
        return found


SILENT = 60.0
"""Seconds without news that are worth a word: a step may take long, or a machine be gone."""


def write_plan(store: TrialStore, planned: Collection[str], jobs: Mapping[str, list[str]]) -> None:
    """Write down which trials a run wants, and which of its jobs trains which of them."""
    content = {"planned": list(planned), "jobs": dict(jobs)}
    write_atomically(store.jobs / _PLAN, json.dumps(content).encode())


def status_of(store: TrialStore) -> Status | None:
    """Return how the training of a store stands; None where nothing was ever asked of it."""
    try:
        plan = json.loads((store.jobs / _PLAN).read_bytes())
    except (OSError, ValueError):
        return None
    records = [store.record(i) for i in plan["planned"] if store.folder(i).exists()]
    left = set(plan["planned"]) - {record.id for record in records}
    jobs = {name: left.intersection(ids) for name, ids in plan["jobs"].items()}
    notes = {n: note for n, note in read_notes(store.jobs).items() if jobs.get(n)}
    at_work = set().union(*(jobs[name] for name in notes))
    running = tuple(_running(note, len(jobs[name])) for name, note in notes.items())
    waiting = len(left) - len(at_work)
    rates = [rate for name, note in notes.items() if (rate := _trials_a_second(note, jobs[name]))]
    seconds = None
    if rates:
        seconds = sum(_trials_left(n, jobs[name]) for name, n in notes.items()) + waiting
        seconds /= sum(rates)
    elif notes and records:
        seconds = fmean(record.seconds for record in records) * len(left) / len(notes)
    return Status(
        planned=len(plan["planned"]),
        done=len(records),
        failed=dict(Counter(record.status for record in records if lost(record.status))),
        running=running,
        waiting=waiting,
        seconds_left=seconds,
    )


def _running(note: Note, trials: int) -> Running:
    news = _steps(note)
    percent = None if news is None else 100 * news["steps"] / news["total"]
    return Running(note.host, note.queue, trials, percent, max(0.0, time.time() - note.told))


def _steps(note: Note) -> dict[str, Any] | None:
    """Return the news of a job that tells steps."""
    return note.news if isinstance(note.news, dict) and note.news.get("total") else None


def _trials_left(note: Note, trials: Collection[str]) -> float:
    news = _steps(note)
    return len(trials) * (1 if news is None else 1 - news["steps"] / news["total"])


def _trials_a_second(note: Note, trials: Collection[str]) -> float:
    news, seconds = _steps(note), note.told - note.began
    if news is None or seconds <= 0:
        return 0.0
    return len(trials) * (news["steps"] - news["first"]) / news["total"] / seconds
