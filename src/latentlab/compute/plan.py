"""Execution plans: how many trials at once, in how many processes, with how many threads.

A plan changes when a trial is done, never what it computes beyond rounding. Nobody can choose one
by rule (tiny models gain tenfold from cohorts, wide convolutions lose), so candidates are timed on
the real workload and the winner is remembered by workload and machine.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latentlab.compute.config import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.core.files import write_atomically


@dataclass(frozen=True)
class ExecutionPlan:
    """How trials of one signature are run.

    Attributes:
        cohort: most trials in one cohort; 1 trains them one by one.
        processes: 1 trains in this process, more in worker processes; on a cluster its workers.
        threads: threads of each process.
        compile: whether the step is compiled.
        graphs: whether the compiled step is replayed as a CUDA graph, without its launches.
    """

    cohort: int
    processes: int = 1
    threads: int = 1
    compile: bool = False
    graphs: bool = False

    def __str__(self) -> str:
        """The plan in words."""
        processes = "1 process" if self.processes == 1 else f"{self.processes} processes"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads each"
        form = ", compiled" if self.compile else ""
        form += " with CUDA graphs" if self.graphs else ""
        return f"cohorts of {self.cohort}, {processes}, {threads}{form}"


def candidates(
    trials: int, largest: int, config: ComputeConfig, device: str, devices: int = 1
) -> list[ExecutionPlan]:
    """The plans worth timing, uncompiled, in the order in which a tie is decided.

    Args:
        trials: trials of one signature.
        largest: most trials that the memory of a device holds at once, in all processes together.
        config: settings that are not `auto` are obeyed.
        device: type of the devices.
        devices: how many of them this machine's workers are given in turn.
    """
    workers = config.worker_count(device, devices)
    # One worker a GPU, or more, where it is not said.
    several = [devices, workers] if device == "cuda" and config.workers == "auto" else [workers]
    engines = {"inline": [1], "auto": [1, *several]}.get(config.engine, several)
    plans: dict[ExecutionPlan, None] = {}
    for processes in engines:
        shared = config.share_of_cores(processes) if device == "cpu" else 1
        teams = [1, shared] if config.threads == "auto" else [config.threads]
        share = -(-trials // processes)
        sizes = [share, 8, 1] if config.cohort == "auto" else [config.cohort]
        for size, threads in itertools.product(sizes, teams):
            cohort = max(1, min(size, share, largest_cohort(largest, processes, devices)))
            plans[ExecutionPlan(cohort, processes, threads, config.compile is True)] = None
    return list(plans)


def largest_cohort(largest: int, processes: int, devices: int) -> int:
    """Most trials of each process, where a device holds so many: processes take it in turn."""
    return largest * min(devices, processes) // processes


def even_parts(count: int, plan: ExecutionPlan) -> list[int]:
    """Sizes of the cohorts that `count` trials are cut into: even, a share for each process."""
    parts = -(-count // plan.cohort)
    if plan.cohort > 1 or count < plan.processes:
        parts = min(count, -(-parts // plan.processes) * plan.processes)
    small, larger = divmod(count, parts)
    return [small + 1] * larger + [small] * (parts - larger)


class PlanCache:
    """Measured plans on disk, by workload and machine.

    Args:
        path: a JSON file; a missing or unreadable one counts as empty, since it only saves time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> ExecutionPlan | None:
        """The plan that was measured for `key`."""
        entry = self._entries().get(key)
        try:
            return ExecutionPlan(**entry) if entry else None
        except TypeError:
            return None

    def put(self, key: str, plan: ExecutionPlan) -> None:
        """Remember a plan; an unwritable cache is no reason to stop."""
        entries = dict(self._entries()) | {key: asdict(plan)}
        with contextlib.suppress(UserError):
            write_atomically(self._path, json.dumps(entries, indent=1).encode())

    def _entries(self) -> Mapping[str, dict[str, Any]]:
        try:
            entries = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}
