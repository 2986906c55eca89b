"""Kills drivers that share a sweep: python tests/kill_drivers.py [kills] [configurations] [seed]

Two `kedro run` in two copies of the project search one sweep of a study on a PostgreSQL server that
is started here. At random moments one of the two is killed with SIGKILL and started again a moment
later. In the end both must have ended well, and the storage must hold the configurations and the
results of a sweep that one undisturbed driver ran on a journal file.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import optuna
import yaml

from labs.postgresql import server
from labs.project_copies import ProjectCopy, copy_project
from labs.warm_processes import start_kedro

STUDY, SWEEP = "derp_vae", "many"
CONTENT = {
    "method": "random",
    "cohort": 10,
    "seeds": {"first": 50, "count": 1},
    "fixed": {"training.epochs": 2, "model.hidden": 8},
    "parameters": {
        "objective.beta": {"type": "float", "low": 0.1, "high": 4.0, "log": True},
        "model.latent_dim": {"type": "categorical", "choices": [2, 3], "ordered": True},
    },
}


def copy(root: Path, configurations: int) -> ProjectCopy:
    """A copy of the project with the sweep."""
    project = copy_project(root)
    folder = project.root / "conf/local" / STUDY / "sweeps"
    folder.mkdir(parents=True)
    (folder / f"{SWEEP}.yml").write_text(
        yaml.safe_dump(CONTENT | {"configurations": configurations})
    )
    return project


def start(project: ProjectCopy, storage: str) -> BaseProcess:
    """Start a driver."""
    settings = f"sweeps.storage={storage},{STUDY}.sweep={SWEEP}"
    run = ("run", "--env=smoke", f"--pipelines={STUDY}.data_preparation,{STUDY}_sweep.search")
    engine = "compute.engine=inline,compute.compile=false"
    output = [project.root / name for name in ("stdout.txt", "stderr.txt")]
    return start_kedro(
        (*run, f"--params={settings},{engine}"), project.root, project.environment, *output
    )


def kill(process: BaseProcess) -> None:
    """Kill a driver and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


def told(storage: Any) -> list[tuple[dict[str, Any], str, list[float] | None]]:
    """What was asked, in order, and what became of it."""
    study = optuna.load_study(study_name=f"{STUDY}/{SWEEP}", storage=storage)
    return [(trial.params, trial.state.name, trial.values) for trial in study.get_trials()]


def main(kills: int, configurations: int, seed: int) -> None:
    """Kill and resume, and say how it went."""
    moments = random.Random(seed)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, server() as postgresql:
        address = postgresql.new_database("sweeps")
        calm = copy(Path(folder) / "calm", configurations)
        begun = time.monotonic()
        process = start(calm, "null")
        process.join()
        assert process.exitcode == 0, (calm.root / "stderr.txt").read_text()
        sys.stdout.write(f"undisturbed: {time.monotonic() - begun:.0f} s\n")
        drivers = [copy(Path(folder) / name, configurations) for name in ("one", "two")]
        begun = time.monotonic()
        processes = [start(project, address) for project in drivers]
        killed = 0
        while killed < kills:
            time.sleep(moments.uniform(2, 20))
            if any(process.exitcode == 0 for process in processes):
                break
            which = moments.randrange(2)
            kill(processes[which])
            killed += 1
            time.sleep(moments.uniform(0, 3))
            processes[which] = start(drivers[which], address)
        for process, project in zip(processes, drivers, strict=True):
            process.join()
            assert process.exitcode == 0, (project.root / "stderr.txt").read_text()
        seconds = time.monotonic() - begun
        found, expected = told(address), told(_journal(calm))
        rows = {str(sorted(asked.items())) for asked, _, _ in found}
        states = Counter(state for _, state, _ in found)
        where = Counter()
        for project in drivers:
            store = project.root / "data/smoke/06_models" / STUDY / "trials"
            where.update(path.parent.name for path in store.glob("*/record.json"))
        both = sum(count > 1 for count in where.values())
        sys.stdout.write(
            f"{killed} kills in {seconds:.0f} s: {len(found)} configurations, {len(rows)} of them "
            f"different, {dict(states)}; equal to the undisturbed sweep: {found == expected}; "
            f"trials that both drivers trained: {both}\n"
        )


def _journal(project: ProjectCopy) -> Any:
    path = project.root / "data/smoke/06_models" / STUDY / "sweeps" / f"{SWEEP}.journal"
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return optuna.storages.JournalStorage(backend)


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    main(int(given.get(0, 20)), int(given.get(1, 200)), int(given.get(2, 1)))
