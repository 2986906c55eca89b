"""What clusters cost beside worker processes, on one machine with two workers.

    PYTHONPATH=tests python benchmarks/engines.py [--rounds 5] [--epochs 20]

Trains the digits study's 60 trials by each engine in turn, under one plan, and prints the seconds
of their steps and of the whole call, as ratios to `processes` of the same round; beside each stands
how many processes wanted the machine. Then a job that does nothing is given in, by our engine and
by the cluster's own client in turn. A SLURM of one node is started for it: it needs the extras
slurm and dask, and root.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import distributed
import submitit

from labs.slurm import Cluster, why_not
from labs.trainer import train_trials
from latentlab.compute import ComputeConfig
from latentlab.compute.executors.registry import open_executor
from latentlab.data import load_prepared
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial
from workloads import workloads

ENGINES = ("processes", "dask", "slurm")


def nothing(payload: object, report: object) -> None:
    """The job that does nothing."""


def lengthened(trial: Trial, epochs: int, data: str) -> Trial:
    """The trial with another number of epochs, on the data of this fingerprint."""
    training = trial.config.training.model_copy(update={"epochs": epochs})
    config = trial.config.model_copy(update={"training": training})
    return replace(trial, config=config, data=data)


def seconds_of(function: Callable[[], Any]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def main(rounds: int, epochs: int) -> None:
    """Print both tables."""
    if why := why_not():
        raise SystemExit(why)
    with tempfile.TemporaryDirectory() as name, Cluster(Path(name) / "cluster"):
        folder = Path(name)
        load = workloads(folder / "data")[0]
        data = load_prepared(load.prepared).fingerprint
        trials = [lengthened(trial, epochs, data) for group in load.groups for trial in group]
        steps, whole = defaultdict(list), defaultdict(list)
        for number in range(rounds):
            for engine in ENGINES:
                compute = ComputeConfig(
                    engine=engine, workers=2, cohort=10, threads=1, compile=False
                )
                store = TrialStore(folder / f"{engine}{number}" / "store")
                whole[engine].append(
                    seconds_of(
                        lambda s=store, c=compute: train_trials(
                            load.method, trials, load.prepared, s, c
                        )
                    )
                )
                steps[engine].append(sum(store.record(trial.id).seconds for trial in trials) / 2)
                print(
                    f"round {number}, {engine}: steps {steps[engine][-1]:.1f} s, "
                    f"whole {whole[engine][-1]:.1f} s; load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )
        print(f"{len(trials)} trials of {epochs} epochs, medians of {rounds} rounds")
        for engine in ENGINES:
            ratios = [
                statistics.median(a / b for a, b in zip(t[engine], t["processes"], strict=True))
                for t in (steps, whole)
            ]
            print(
                f"{engine:<10} steps {statistics.median(steps[engine]):6.1f} s, x {ratios[0]:.2f};"
                f" whole {statistics.median(whole[engine]):6.1f} s, x {ratios[1]:.2f}"
            )
        own = submitit.SlurmExecutor(folder / "own")
        ours = open_executor(ComputeConfig(engine="slurm"), "cpu", folder / "ours")
        dask = open_executor(ComputeConfig(engine="dask", workers=2), "cpu", folder / "dask")
        with ours, dask, distributed.Client(dask.address, set_as_default=False) as client:
            starts: dict[str, Callable[[], Any]] = {
                "slurm, submitit": lambda: own.submit(nothing, 0, 0).result(),
                "slurm, ours": lambda: ours.run(nothing, {"a": 0}, print),
                "dask, distributed": lambda: client.submit(nothing, 0, 0, pure=False).result(),
                "dask, ours": lambda: dask.run(nothing, {"a": 0}, print),
            }
            taken = defaultdict(list)
            for _ in range(rounds):
                for what, start in starts.items():
                    taken[what].append(seconds_of(start))
        for what, found in taken.items():
            print(f"a job of {what:<18} {statistics.median(found):5.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    main(given.rounds, given.epochs)
