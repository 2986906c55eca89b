"""Kills parts of clusters: python tests/kill_clusters.py [slurm | dask | hosts] [kills] [seed]

    slurm   jobs (scancel, kill -9, the end of their time), slurmd, slurmctld and the driver of a
            SLURM of one node
    dask    workers, scheduler and the driver of a Dask on this machine
    hosts   as dask, with each worker in a network namespace of its own: two hosts, one folder

Trials are trained to the end again and again. Whatever was killed, none may be lost, none trained
after it was stored or twice from its first step to its last, and all weights must be those of a
run that nobody disturbed. Each kind of kill has its turn; what had nothing to kill is not counted.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread

from labs.network import two_hosts
from labs.slurm import NODE_PATIENCE, Cluster
from labs.trainer import write_digits
from latentlab.compute.executors.notes import Note, read_notes
from latentlab.training.store import TrialStore

Kills = dict[str, Callable[[], bool]]
"""What can be killed; each says whether there was something to kill."""

TESTS = Path(__file__).parent
EPOCHS = {"slurm": 300, "dask": 150, "hosts": 150}
"""A job of SLURM must outlast the half minute after which it is told of the end of its time."""
LOGGED = """\
# Notes each step that a worker takes: trials, step and time. Python runs this file at its start.
import importlib.abc, os, sys, time

class Hook(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "latentlab.training.cohort":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec
        spec = find_spec(name)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            out = os.open(os.environ["STEPS_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            advance = module.Cohort.advance
            def logged(self, *most):
                ids = ",".join(one.id for one in self.trials)
                line = f"{ids} {self.state.step} {self.total_steps} {time.time()}\\n"
                os.write(out, line.encode())
                return advance(self, *most)
            module.Cohort.advance = logged
        spec.loader.exec_module = exec_module
        return spec

if "STEPS_LOG" in os.environ:
    sys.meta_path.insert(0, Hook())
"""
DRIVER = """\
import json, sys
from pathlib import Path
from labs.killed_run import planned
from latentlab.compute import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.studies.derp_vae.method import METHOD
from labs.trainer import train_trials
from latentlab.training.store import TrialStore

if __name__ == "__main__":
    data, root, epochs, settings = sys.argv[1:]
    compute = ComputeConfig(
        cohort=2, threads=1, compile=False, checkpoint_seconds=0.1, **json.loads(settings)
    )
    try:
        trials = planned(Path(data), int(epochs))
        train_trials(METHOD, trials, Path(data), TrialStore(root), compute)
    except UserError as error:
        sys.exit(f"told: {error}")
"""


class Trial:
    """One training, driven until it is done while things are killed."""

    def __init__(self, folder: Path, data: Path, epochs: int, settings: str) -> None:
        self.store = TrialStore(folder / "store")
        # Workers of Dask have it open since they were started: one file for all.
        self.log = Path(os.environ["STEPS_LOG"])
        self.first = self.logged()
        (folder / "driver.py").write_text(DRIVER)
        self.command = [
            *(sys.executable, str(folder / "driver.py"), str(data), str(self.store.root)),
            *(str(epochs), settings),
        ]
        self.driver: subprocess.Popen[str] | None = None
        self.done = False
        self.told: list[str] = []

    def logged(self) -> int:
        """Bytes of the log so far."""
        return self.log.stat().st_size if self.log.exists() else 0

    def drive(self) -> bool:
        """Start the driver unless it runs; say whether it has come to its end."""
        if self.done:
            return True
        if self.driver is not None and self.driver.poll() is not None:
            _, errors = self.driver.communicate()
            if self.driver.returncode == 0:
                self.done = True
                return True
            if self.driver.returncode > 0:
                last = errors.strip().splitlines()[-1]
                assert last.startswith("told: "), errors
                self.told.append(last)
            self.driver = None
        if self.driver is None:
            self.driver = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        return False

    def digests(self) -> dict[str, str]:
        """Digests of the weights by trial."""
        ids = [path.name for path in self.store.trials.iterdir()]
        assert all(self.store.knows(one) for one in ids)
        return {one: self.store.record(one).weights_digest for one in ids}

    def check_steps(self) -> tuple[int, int]:
        """Refuse a trial that was trained twice; steps that were taken, and those repeated."""
        rows = [line.split() for line in self.log.read_bytes()[self.first :].decode().splitlines()]
        done = {
            path.name: datetime.fromisoformat(self.store.record(path.name).finished_at).timestamp()
            for path in self.store.trials.iterdir()
        }
        taken: Counter[tuple[str, int]] = Counter()
        for ids, step, _, at in rows:
            late = [one for one in ids.split(",") if float(at) > done[one] + 1.0]
            assert len(late) < len(ids.split(",")), f"trained after it was stored: {ids}"
            taken.update((one, int(step)) for one in ids.split(","))
        total = int(rows[0][2])
        for one in done:
            counts = [taken[one, step] for step in range(total)]
            assert min(counts) >= 1, f"a step of {one} was never taken"
            assert min(counts) < 2, f"{one} was trained twice"
        return len(taken), sum(taken.values()) - len(taken)


def slurm(stack: ExitStack, folder: Path) -> tuple[str, Callable[[Trial], Kills]]:
    """Start a SLURM; the engine's settings, and what can be killed."""
    cluster, ended = stack.enter_context(Cluster(folder)), Event()

    def look_after() -> None:
        """Take back the node, which a controller drains that has forgotten what it began there."""
        while not ended.wait(2):
            cluster.resume()

    Thread(target=look_after).start()
    stack.callback(ended.set)

    def job(trial: Trial, kill: Callable[[Note], bool]) -> bool:
        notes = list(read_notes(trial.store.jobs).values())
        return bool(notes) and kill(random.choice(notes))

    def cancel(note: Note) -> bool:
        return not subprocess.run(["scancel", note.queue], check=False).returncode

    def kill(note: Note) -> bool:
        with suppress(ProcessLookupError):
            os.kill(note.process, signal.SIGKILL)
            return True
        return False

    def end_time(note: Note) -> bool:
        """Let its time be a minute, and wait until SLURM has ended it for that."""
        asked = ["scontrol", "update", f"JobId={note.queue}", "TimeLimit=1"]
        if subprocess.run(asked, check=False, capture_output=True).returncode:
            return False
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if not note.ended:
                time.sleep(0.2)
                continue
            shown = ["scontrol", "show", "job", note.queue]
            told = subprocess.run(shown, check=False, capture_output=True, text=True).stdout
            return bool(told) and ("Restarts=0" not in told or "JobState=TIMEOUT" in told)
        raise TimeoutError(f"SLURM does not end {note.queue} for its time")

    def daemon(name: str, *down: float) -> bool:
        cluster.kill(name)
        time.sleep(random.choice(down))
        cluster.start(name)
        return True

    def targets(trial: Trial) -> Kills:
        return {
            "scancel of a job": lambda: job(trial, cancel),
            "kill -9 of a job": lambda: job(trial, kill),
            "end of a job's time": lambda: job(trial, end_time),
            # SLURM gives up the node's jobs in the longer time: they go on, and are queued again.
            "kill -9 of slurmd": lambda: daemon("slurmd", 1, NODE_PATIENCE + 5),
            "kill -9 of slurmctld": lambda: daemon("slurmctld", 1, 10),
        }

    return '{"engine": "slurm", "workers": 2}', targets


def dask(
    stack: ExitStack, folder: Path, hosts: list[list[str]], at: str
) -> tuple[str, Callable[[Trial], Kills]]:
    """Start a Dask scheduler with two workers; the engine's settings, and what can be killed."""
    running: dict[str, subprocess.Popen] = {}

    def start(name: str) -> None:
        tail = {
            "scheduler": ["dask_scheduler", f"--host={at}", "--port=18786", "--no-dashboard"],
            "worker 0": ["dask_worker", f"tcp://{at}:18786", "--nthreads=1", "--no-dashboard"],
            "worker 1": ["dask_worker", f"tcp://{at}:18786", "--nthreads=1", "--no-dashboard"],
        }[name]
        where = hosts[int(name[-1])] if name.startswith("worker") else []
        module = f"distributed.cli.{tail[0]}"
        running[name] = subprocess.Popen(
            [*where, sys.executable, "-m", module, *tail[1:]],
            cwd=folder,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(name: str) -> None:
        with suppress(ProcessLookupError):
            os.killpg(running[name].pid, signal.SIGKILL)
        running[name].wait()

    def end_all() -> None:
        for name in running:
            kill(name)

    def restart(name: str) -> bool:
        kill(name)
        if name == "scheduler":
            # Its workers end without it; whoever runs them starts them again.
            end_all()
            for other in list(running):
                start(other)
        else:
            start(name)
        return True

    def targets(trial: Trial) -> Kills:
        return {f"kill -9 of {name}": (lambda n=name: restart(n)) for name in running}

    for name in ("scheduler", "worker 0", "worker 1"):
        start(name)
    stack.callback(end_all)
    return f'{{"engine": "dask", "dask": {{"address": "tcp://{at}:18786"}}}}', targets


def kill_driver(trial: Trial) -> bool:
    """Kill the driver alone."""
    if trial.driver is None or trial.driver.poll() is not None:
        return False
    trial.driver.kill()
    trial.driver.wait()
    return True


def tell(line: str) -> None:
    """Print a line at once, with the time."""
    sys.stdout.write(f"{time.strftime('%X')} {line}\n")
    sys.stdout.flush()


def main(kind: str, kills: int, seed: int) -> None:
    """Kill and go on, and say how it went."""
    random.seed(seed)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "start").mkdir()
        (folder / "start" / "sitecustomize.py").write_text(LOGGED)
        path = f"{folder / 'start'}:{os.environ.get('PYTHONPATH', '')}:{TESTS}"
        os.environ |= {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        os.environ["STEPS_LOG"] = str(folder / "steps")
        data = write_digits(folder / "digits", 600)
        (folder / "calm").mkdir()
        calm = Trial(folder / "calm", data, EPOCHS[kind], '{"engine": "processes", "workers": 2}')
        while not calm.drive():
            time.sleep(0.2)
        undisturbed = calm.digests()
        if kind == "slurm":
            settings, targets = slurm(stack, folder / "cluster")
        else:
            hosts, at = (
                stack.enter_context(two_hosts()) if kind == "hosts" else ([[], []], "127.0.0.1")
            )
            settings, targets = dask(stack, folder, hosts, at)
        done, rounds, killed, turns = 0, 0, Counter[str](), []
        while done < kills:
            own = folder / f"round{rounds}"
            own.mkdir()
            trial, rounds = Trial(own, data, EPOCHS[kind], settings), rounds + 1
            while not trial.drive():
                # Once somebody trains again, at a random moment.
                size, end = trial.logged(), time.monotonic() + 600
                while trial.logged() == size and not trial.drive():
                    assert time.monotonic() < end, "nobody trains"
                    time.sleep(0.1)
                end = time.monotonic() + random.uniform(0.0, 3.0)
                while time.monotonic() < end and not trial.drive():
                    time.sleep(0.1)
                if trial.done or done >= kills:
                    continue
                acts = targets(trial) | {"kill -9 of the driver": partial(kill_driver, trial)}
                turns = turns or random.sample(list(acts), len(acts))
                what = turns[-1]
                if acts[what]():
                    killed[turns.pop()] += 1
                    done += 1
                    tell(f"  {what}")
            digests = trial.digests()
            changed = sorted(one for one in undisturbed if digests.get(one) != undisturbed[one])
            taken, repeated = trial.check_steps()
            weights = f"weights of {', '.join(changed)} DIFFER" if changed else "weights equal"
            tell(
                f"round {rounds}, {done} kills so far: {weights}; "
                f"{taken:,} steps of trials, {repeated:,} of them repeated; "
                f"{sorted(set(trial.told))}"
            )
            assert not changed
            assert digests.keys() == undisturbed.keys()
        tell(str(dict(killed)))


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    main(given.get(0, "slurm"), int(given.get(1, 30)), int(given.get(2, 1)))
