"""What a training step takes where the process keeps the memory that it frees, and where not.

    python benchmarks/freed_memory.py [--seconds 4] [--rounds 3]

One thread, cohorts of 8 trials and of a whole group. Both are timed in processes of their own, in
turn, so that both see the same machine; the peer is glibc's allocator as it comes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from latentlab.compute.device import compute_with, machine_name, set_threads
from latentlab.data import load_prepared
from latentlab.training.cohort import Cohort
from latentlab.training.contract import Method
from latentlab.training.data import StudyData
from latentlab.training.trial import Trial
from workloads import workloads

CPU = torch.device("cpu")


def time_steps(
    pipe: Connection,
    method: Method,
    trials: tuple[Trial, ...],
    prepared: Path,
    seconds: float,
    keeps: bool,
) -> None:
    """Send seconds, and pages fetched from the system, of a step."""
    data = StudyData.of(load_prepared(prepared), CPU)
    set_threads(1)
    if keeps:
        compute_with(1, "float32")
    cohort = Cohort(method, trials, data, CPU)
    for _ in range(3):
        cohort.advance()
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    begun, steps = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        if cohort.finished:
            cohort.restart()
        cohort.advance()
        steps += 1
    took = time.perf_counter() - begun
    fetched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages
    pipe.send((took / steps, fetched / steps))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each timing")
    parser.add_argument("--rounds", type=int, default=3, help="timings of each")
    arguments = parser.parse_args()
    print(machine_name(CPU), "1 thread; milliseconds and pages of a step, medians")
    print("| workload | trials | ms kept | ms as it comes | ratio | pages kept | as they come |")
    print("|---|---|---|---|---|---|---|")
    # As worker processes are started, with an allocator that has learned nothing yet.
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for workload in workloads(Path(folder)):
            for size in sorted({8, len(workload.groups[0])}):
                trials = workload.groups[0][:size]
                found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
                for _ in range(arguments.rounds):
                    for keeps, timings in found.items():
                        receiver, sender = fresh.Pipe(duplex=False)
                        given = (
                            sender,
                            workload.method,
                            trials,
                            workload.prepared,
                            arguments.seconds,
                            keeps,
                        )
                        process = fresh.Process(target=time_steps, args=given)
                        process.start()
                        timings.append(receiver.recv())
                        process.join()
                ms, pages = (
                    [statistics.median(one[k] for one in found[keeps]) for keeps in (True, False)]
                    for k in (0, 1)
                )
                print(
                    f"| {workload.name} | {len(trials)} | {ms[0] * 1e3:.2f} | {ms[1] * 1e3:.2f} "
                    f"| {ms[1] / ms[0]:.2f} | {pages[0]:.0f} | {pages[1]:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
