"""Runs that are stopped or killed: one line, KILLED in MLflow, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest

import kill_runs
from labs.project_copies import ProjectCopy, copy_project, free_port, serving
from labs.warm_processes import start_kedro

LONG = (
    "run",
    "--env=smoke",
    "--pipelines=derp_vae.data_preparation,derp_vae.training",
    "--params=derp_vae.training.epochs=100000,compute.engine=processes,compute.workers=2",
)
SHORT = ("run", "--env=smoke", "--pipelines=derp_vae.data_preparation,derp_vae.training")


def start(project: ProjectCopy, *arguments: str) -> subprocess.Popen[str]:
    """Start a Kedro command as a shell would."""
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project.root,
        env=dict(project.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def trains(project: ProjectCopy) -> bool:
    return any((project.root / "data/smoke/06_models/derp_vae/checkpoints").glob("*.checkpoint"))


def group_lives(group: int) -> bool:
    """Whether a process of the group runs that is not waiting to be collected."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = status.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state != "Z":
            return True
    return False


def states(project: ProjectCopy) -> list[str]:
    client = mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("derp_vae")
    assert experiment is not None
    return [run.info.status for run in client.search_runs([experiment.experiment_id])]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGTERM, "Stopped by SIGTERM"), (signal.SIGINT, "Ctrl-C")]
)
def test_a_signal_ends_a_run_in_one_line(
    project: ProjectCopy, number: signal.Signals, words: str
) -> None:
    process = start(project, *LONG)
    wait_for(lambda: trains(project))
    if number == signal.SIGINT:
        # As a terminal does: to the whole group.
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    lines = errors.strip().splitlines()
    assert len(lines) == 1, errors
    assert words in lines[0]
    assert "the same command goes on from there" in lines[0]
    # The process that tidies up after workers ends a moment later than the run.
    wait_for(lambda: not group_lives(process.pid), 10)
    assert states(project) == ["KILLED"]
    assert not list((project.root / ".tracking").iterdir())


LOST = """
import signal, time, weakref
from latentlab.core.stopping import Stopped, stopped_by_signals

class Thing:
    pass

def dies(_):
    signal.raise_signal(signal.{name})

try:
    with stopped_by_signals():
        thing = Thing()
        watched = weakref.ref(thing, dies)
        del thing
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pass
        print("went on")
except Stopped as stopped:
    print(stopped, stopped.status)
"""


@pytest.mark.parametrize(("name", "said"), [("SIGINT", "Ctrl-C 130"), ("SIGTERM", "SIGTERM 143")])
def test_a_signal_in_a_finaliser_is_not_lost(name: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOST.format(name=name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Stopped by {said}\n"


@pytest.mark.slow
def test_the_next_run_closes_one_whose_process_is_gone(project: ProjectCopy) -> None:
    endless = (*SHORT, "--params=derp_vae.training.epochs=100000")
    process = start_kedro(endless, project.root, project.environment)
    wait_for(lambda: trains(project))
    process.kill()
    process.join()
    assert states(project) == ["RUNNING"]
    assert project.kedro(*SHORT).returncode == 0
    assert sorted(set(states(project))) == ["FINISHED", "KILLED"]
    assert states(project).count("KILLED") == 1


def test_two_first_runs_at_once_make_one_store(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project", with_store=False)
    # The second one finds the trials locked by the first, or trained by it.
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: project.kedro(*SHORT), range(2)))
    assert 0 in [done.returncode for done in both], both
    for done in both:
        assert done.returncode == 0 or "Another run is training" in done.stderr, done.stderr
    assert "RUNNING" not in states(project)


@pytest.mark.slow
@pytest.mark.parametrize(("after", "while_made"), [(0.7, True), (6.0, False)])
def test_a_first_run_that_is_killed_resumes_by_itself(
    tmp_path: Path, smoke_project: ProjectCopy, after: float, while_made: bool
) -> None:
    project = copy_project(tmp_path / "project", with_store=False)
    kill_runs.kill(project, after, while_made)
    digests = kill_runs.finish(project)
    assert len(digests) == 6
    trials = smoke_project.root / "data/smoke/06_models/derp_vae/trials"
    assert set(digests) <= {path.name for path in trials.iterdir()}


@pytest.mark.slow
def test_a_server_that_goes_away_stops_nothing(project: ProjectCopy, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "latentlab.tracking.ui", "--port", str(port)]
    arguments = (
        "run",
        "--env=smoke",
        "--pipelines=derp_vae.data_preparation,derp_vae.training,derp_vae.evaluation",
        "--params=derp_vae.training.epochs=300",
    )
    served = replace(project, tracking=address)
    outputs = [tmp_path / "stdout", tmp_path / "stderr"]
    with serving(project, command, f"{address}/health", tmp_path / "log"):
        process = start_kedro(arguments, served.root, served.environment, *outputs)
        wait_for(lambda: trains(project) or not process.is_alive())
    process.join(300)
    told = "".join(path.read_text() for path in outputs)
    assert process.exitcode == 0, told
    assert told.count("takes nothing any more") == 1, told
    assert told.count("Connection refused") == 1, told
    assert states(project) == ["RUNNING"]
    with serving(project, command, f"{address}/health", tmp_path / "log"):
        assert served.kedro(*arguments).returncode == 0
    assert len(states(project)) == 2 + 18
    assert set(states(project)) == {"FINISHED"}
    # What needs the store's answer is not kept, but done by the next run.
    client = mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    assert client.get_model_version_by_alias("derp_vae", "champion")
    assert not list((project.root / ".tracking").iterdir())
    # Without it, nothing is begun.
    refused = served.kedro(*arguments)
    assert refused.returncode == 1
    assert f"Error: The tracking store {address} does not answer" in refused.stderr
    assert "Traceback" not in refused.stderr
