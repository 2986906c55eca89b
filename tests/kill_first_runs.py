"""Kills first runs at random moments: python tests/kill_first_runs.py [kills] [seed]

Half of the kills fall into the making of MLflow's database, the others anywhere. After each one the
same command is run to its end: it must resume by itself, the weights must be those of a run that
nobody disturbed, and no run of MLflow may stay RUNNING.
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

from labs.project_copies import ProjectCopy, copy_project
from labs.warm_processes import start_kedro

RUN = (
    "run",
    "--env=smoke",
    "--pipelines=derp_vae.data_preparation,derp_vae.training",
    "--params=derp_vae.seeds.count=1,compute.engine=inline",
)
LOCK = ".mlflow.db.lock"
"""Is there from the moment on at which the database is made."""


def finish(project: ProjectCopy) -> dict[str, str]:
    """Run to the end; digests of the weights by trial.

    Raises:
        AssertionError: the run fails, or leaves a run of MLflow open.
    """
    done = project.kedro(*RUN, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RUNNING" not in states(project), states(project)
    records = (project.root / "data/smoke/06_models/derp_vae/trials").glob("*/record.json")
    return {
        record.parent.name: json.loads(record.read_text())["weights_digest"] for record in records
    }


def states(project: ProjectCopy) -> dict[str, int]:
    """How many runs of MLflow are in which state."""
    with sqlite3.connect(project.root / "mlflow.db") as rows:
        return dict(rows.execute("SELECT status, count(*) FROM runs GROUP BY status"))


def kill(project: ProjectCopy, after: float, while_made: bool) -> None:
    """Kill a run after some seconds, counted from when the database begins to be made."""
    process = start_kedro(RUN, project.root, project.environment)
    while while_made and process.is_alive() and not (project.root / LOCK).exists():
        time.sleep(0.005)
    process.join(after)
    if process.is_alive():
        with suppress(ProcessLookupError):
            # It leads a group of its own a moment after it was started.
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()


def main(kills: int, seed: int) -> None:
    """Kill and resume, and say how it went."""
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        calm = copy_project(Path(folder) / "calm", with_store=False)
        # The process that has the libraries starts with the first command.
        calm.kedro("--version")
        begun = time.monotonic()
        undisturbed = finish(calm)
        whole = time.monotonic() - begun
        for number in range(kills):
            project = copy_project(Path(folder) / str(number), with_store=False)
            while_made = number % 2 == 0
            after = moments.uniform(0, whole / 3 if while_made else whole)
            kill(project, after, while_made)
            left = states(project) if (project.root / "mlflow.db").exists() else "no database"
            try:
                assert finish(project) == undisturbed, "other weights"
                word = "resumed"
            except AssertionError as error:
                word = f"FAILED: {error}"
            sys.stdout.write(f"{number}: killed after {after:.1f} s, left {left}: {word}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*(int(given) for given in (*sys.argv[1:], *("40", "1")[len(sys.argv) - 1 :])))
