"""Kills runs at random moments: python tests/kill_runs.py [first | study | sweep] [kills] [seed]

    first   the first run of a project, every other time while MLflow's database is made
    study   all stages of a study
    sweep   a sweep with its confirmation

After each kill the same command is run to its end: it must resume by itself, weights, verdicts and
asked configurations must be those of a run that nobody disturbed, and no run of MLflow may stay
RUNNING.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd

from labs.project_copies import ProjectCopy, copy_project
from labs.warm_processes import start_kedro

STUDY = "derp_vae"
SMALL = f"--params={STUDY}.seeds.count=1,compute.engine=inline"
RUNS = {
    "first": ("--pipelines=derp_vae.data_preparation,derp_vae.training", SMALL),
    "study": (f"--pipelines={STUDY}", "--params=compute.engine=inline"),
    "sweep": (f"--pipelines={STUDY}_sweep", SMALL),
}
CLOCK = ["little_overhead"]
"""Claims about times, which differ from run to run."""

LOCK = ".mlflow.db.lock"
"""Is there from the moment on at which the database is made."""


def finish(project: ProjectCopy, kind: str = "first") -> dict[str, object]:
    """Run to the end; digests of the weights by trial, verdicts, and what a sweep asked.

    Raises:
        AssertionError: the run fails, or leaves a run of MLflow open.
    """
    done = project.kedro("run", "--env=smoke", *RUNS[kind], timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RUNNING" not in states(project), states(project)
    data = project.root / "data/smoke"
    records = (data / "06_models" / STUDY / "trials").glob("*/record.json")
    found: dict[str, object] = {
        record.parent.name: json.loads(record.read_text())["weights_digest"] for record in records
    }
    report = data / "08_reporting" / STUDY
    if kind == "study":
        verdicts = pd.read_csv(report / "verdicts.csv").set_index("hypothesis").drop(index=CLOCK)
        found["verdicts"] = verdicts.to_csv()
    if kind == "sweep":
        rows = pd.read_csv(report / "sweeps/default/rows.csv")
        found["asked"] = rows.drop(columns="seconds").to_csv()
    return found


def states(project: ProjectCopy) -> dict[str, int]:
    """How many runs of MLflow are in which state."""
    with sqlite3.connect(project.root / "mlflow.db") as rows:
        return dict(rows.execute("SELECT status, count(*) FROM runs GROUP BY status"))


def kill(project: ProjectCopy, after: float, while_made: bool, kind: str = "first") -> None:
    """Kill a run after some seconds, counted from when the database begins to be made."""
    arguments = ("run", "--env=smoke", *RUNS[kind])
    process = start_kedro(arguments, project.root, project.environment)
    while while_made and process.is_alive() and not (project.root / LOCK).exists():
        time.sleep(0.005)
    process.join(after)
    if process.is_alive():
        with suppress(ProcessLookupError):
            # It leads a group of its own a moment after it was started.
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()


def main(kind: str, kills: int, seed: int) -> None:
    """Kill and resume, and say how it went."""
    moments = random.Random(seed)
    first = kind == "first"
    with tempfile.TemporaryDirectory() as folder:
        calm = copy_project(Path(folder) / "calm", with_store=not first)
        # The process that has the libraries starts with the first command.
        calm.kedro("--version")
        begun = time.monotonic()
        undisturbed = finish(calm, kind)
        whole = time.monotonic() - begun
        for number in range(kills):
            project = copy_project(Path(folder) / str(number), with_store=not first)
            while_made = first and number % 2 == 0
            after = moments.uniform(0, whole / 3 if while_made else whole)
            kill(project, after, while_made, kind)
            made = (project.root / "mlflow.db").exists()
            left = states(project) or "no runs" if made else "no database"
            try:
                assert finish(project, kind) == undisturbed, "another outcome"
                word = "resumed"
            except AssertionError as error:
                word = f"FAILED: {error}"
            sys.stdout.write(f"{number}: killed after {after:.1f} s, left {left}: {word}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    main(given.get(0, "first"), int(given.get(1, 40)), int(given.get(2, 1)))
