"""What all clusters do: lost jobs, errors, leaving; their settings; and Dask on this machine."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from pydantic import ValidationError

from compute.light_jobs import die_once, fail, hear_of_the_end, square, wait_for
from latentlab.compute import ComputeConfig
from latentlab.compute.config import SlurmSettings
from latentlab.compute.executors import cluster
from latentlab.compute.executors.cluster import LOSSES, Cluster, work
from latentlab.compute.executors.notes import Note, noted, read_note, read_notes
from latentlab.compute.executors.registry import open_executor
from latentlab.compute.plan import ExecutionPlan, candidates
from latentlab.core.errors import UserError
from latentlab.core.stopping import Left

ADDRESS = {"address": "tcp://127.0.0.1:8786"}


def named(*payloads):
    return {f"job{place}": payload for place, payload in enumerate(payloads)}


class Toy(Cluster):
    """Works when it is looked at, and loses each job as often as it is told to."""

    name = "Toy"

    def __init__(self, folder, losses=0):
        super().__init__(2, folder)
        self.losses, self.orders, self.given = losses, {}, []

    def __exit__(self, *error):
        pass

    def submit(self, orders, leave):
        self.orders |= {order.name: order for order in orders}
        self.given += [order.name for order in orders]

    def has(self, name):
        return name in self.orders

    def look(self, names):
        lost = [name for name in names if self.given.count(name) <= self.losses]
        whole = [name for name in names if name not in lost]
        folder = self._folder
        return {n: work(self.orders[n], lambda news: None, folder) for n in whole}, lost

    def left_over(self):
        return list(self.orders.values())

    def drop(self, names):
        for name in names:
            del self.orders[name]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(cluster, "LOOKED", 0.01)


def test_a_lost_job_is_given_in_again_and_a_job_that_keeps_dying_is_named(tmp_path):
    news = []
    toy = Toy(tmp_path, losses=LOSSES)
    assert toy.run(square, named(2, 3), news.append) == [4, 9]
    # Whatever news are missed, the last is told.
    assert news == [{"squaring": 2}, {"squaring": 3}]
    assert toy.given == ["job0", "job1"] * (LOSSES + 1)
    with pytest.raises(UserError, match=f"Toy lost the job job0 {LOSSES + 1} times"):
        Toy(tmp_path, losses=LOSSES + 1).run(square, named(2), news.append)


def test_a_failure_is_raised_once_by_whoever_waits_or_comes_next(tmp_path):
    with pytest.raises(UserError, match="3 is wrong"):
        Toy(tmp_path).run(fail, named(3), print)
    assert Toy(tmp_path).under_way(square) == {}
    # Nobody waited.
    toy = Toy(tmp_path)
    toy.submit([order_of(fail, 3, tmp_path)], leave=True)
    toy.look(["job0"])
    with pytest.raises(UserError, match="job0 failed on Toy: 3 is wrong"):
        Toy(tmp_path).under_way(fail)
    assert Toy(tmp_path).under_way(square) == {}


def order_of(function, payload, folder):
    return cluster.Order("job0", function, payload, folder)


def test_what_is_left_is_waited_for_and_not_given_in_again(tmp_path):
    toy = Toy(tmp_path, losses=1)
    with pytest.raises(Left, match="2 jobs are left with Toy"):
        toy.run(square, named(2, 3), print, leave=True)
    assert toy.under_way(square) == {"job0": 2, "job1": 3}
    given = list(toy.given)
    assert toy.run(square, named(2, 3), lambda news: None) == [4, 9]
    assert toy.given == given
    # Of another kind: of a driver that was killed as it chose plans.
    assert toy.under_way(fail) == {}
    assert not toy.orders


def test_a_note_is_there_while_a_job_runs_and_its_process_lives(tmp_path):
    told = []
    with noted(tmp_path, "a", told.append) as tell:
        tell({"steps": 1})
        assert read_note(tmp_path, "a").news is None, "written a moment ago"
        assert list(read_notes(tmp_path)) == ["a"]
        note = json.loads((tmp_path / "a.json").read_text())
    assert told == [{"steps": 1}]
    assert read_note(tmp_path, "a") is None
    # A kill leaves the file; the process is known to be gone on its own machine alone.
    for host, known in ((note["host"], False), ("elsewhere", True)):
        left = Note(**note | {"host": host, "process": 2**22 + 1})
        (tmp_path / "a.json").write_text(left.model_dump_json())
        assert bool(read_notes(tmp_path)) == known


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"slurm": {"partition": "gpu"}}, "slurm, and engine is auto"),
        ({"engine": "slurm", "dask": ADDRESS}, "dask, and engine is slurm"),
        ({"detach": True}, "nobody who trains"),
        ({"engine": "dask", "detach": True}, "needs a scheduler"),
        ({"engine": "dask", "dask": ADDRESS, "workers": 3}, "those of the scheduler"),
        ({"engine": "slurm", "slurm": {"memory": "lots"}}, "memory"),
        ({"engine": "dask", "dask": {"address": "here"}}, "address"),
    ],
)
def test_what_belongs_to_another_engine_is_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        ComputeConfig(**settings)


def test_plans_of_a_cluster_are_for_its_workers():
    slurm = ComputeConfig(engine="slurm", workers=4, cohort=3, slurm={"cpus": 2})
    assert candidates(12, 100, slurm, "cpu") == [ExecutionPlan(3, 4, threads) for threads in (1, 2)]
    dask = ComputeConfig(engine="dask", workers=2, cohort=3, compile=False)
    assert candidates(12, 100, dask, "cpu") == [ExecutionPlan(3, 2)]


def test_a_job_that_slurm_cannot_queue_again_goes_on(tmp_path):
    pytest.importorskip("submitit", reason="pip install -e '.[slurm]'")
    from latentlab.compute.executors.slurm import Task

    def queue_again(number, frame):
        asked.append(number)
        raise subprocess.CalledProcessError(1, ["scontrol", "requeue"])

    asked, before = [], signal.signal(signal.SIGUSR2, queue_again)
    try:
        assert Task(order_of(hear_of_the_end, 3, tmp_path), tmp_path)().result == 3
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert asked == [signal.SIGUSR2]
    assert not list(tmp_path.iterdir()), "nobody is told of a failure"


def test_a_job_that_slurm_holds_for_good_is_cancelled_and_lost(tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="pip install -e '.[slurm]'")
    from submitit.core.utils import DelayedSubmission

    from latentlab.compute.executors.slurm import Slurm, Task

    commands, folder = tmp_path / "commands", tmp_path / "jobs"
    commands.mkdir()
    for name, line in {
        "srun": "",
        "squeue": f"test -e {tmp_path}/cancelled || echo '7 launch_failed_requeued_held'",
        "scancel": f"echo $@ > {tmp_path}/cancelled",
    }.items():
        (commands / name).write_text(f"#!/bin/sh\n{line}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    (folder / "slurm").mkdir(parents=True)
    order = order_of(square, 3, folder)
    DelayedSubmission(Task(order, folder)).dump(folder / "slurm" / "7_submitted.pkl")
    engine = Slurm(SlurmSettings(), 2, folder)
    assert engine.left_over() == [order]
    assert engine.look(["job0"]) == ({}, ["job0"])
    assert (tmp_path / "cancelled").read_text() == "7\n"


@pytest.mark.parametrize(("engine", "module"), [("slurm", "submitit"), ("dask", "distributed")])
def test_a_missing_package_names_its_extra(engine, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"needs {module}. pip install -e '\.\[{engine}\]'"):
        open_executor(ComputeConfig(engine=engine), "cpu", tmp_path)


@pytest.mark.slow
def test_dask_on_this_machine(tmp_path):
    pytest.importorskip("distributed", reason="pip install -e '.[dask]'")
    folder, gate, news = tmp_path / "jobs", tmp_path / "gate", []
    with open_executor(ComputeConfig(engine="dask", workers=2), "cpu", folder) as dask:
        assert len(dask) == 2
        assert dask.run(square, named(*range(5)), news.append) == [0, 1, 4, 9, 16]
        assert sorted(one["squaring"] for one in news) == list(range(5))
        with pytest.raises(UserError, match="3 is wrong"):
            dask.run(fail, named(3), news.append)
        # Of the same name, which says nothing of its payload.
        for number in range(20):
            assert dask.run(square, named(number), news.append) == [number**2]
        threading.Timer(1.0, gate.touch).start()
        first, second = dask.run(wait_for, {"one": gate, "two": gate}, news.append)
        assert first != second, "beside each other"
        assert dask.run(die_once, {"dies": tmp_path / "mark"}, news.append) == ["lived"]
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_what_is_left_with_a_scheduler_is_collected(tmp_path):
    distributed = pytest.importorskip("distributed", reason="pip install -e '.[dask]'")
    folder, gate = tmp_path / "jobs", tmp_path / "gate"
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as running:
        where = {"address": running.scheduler_address}
        compute = ComputeConfig(engine="dask", dask=where, detach=True)
        with pytest.raises(Left), open_executor(compute, "cpu", folder) as dask:
            dask.run(wait_for, {"one": gate}, print, leave=True)
        with open_executor(compute, "cpu", folder) as dask:
            assert dask.under_way(wait_for) == {"one": gate}
            gate.touch()
            assert dask.run(wait_for, {"one": gate}, lambda news: None)
        # A driver that does not leave takes its jobs with it.
        with open_executor(compute, "cpu", folder) as dask:
            dask.submit([cluster.Order("two", wait_for, tmp_path / "never", folder)], leave=False)
            end = time.monotonic() + 20
            while read_note(folder, "two") is None:
                assert time.monotonic() < end
                time.sleep(0.02)
        while read_note(folder, "two") is not None:
            assert time.monotonic() < end
            time.sleep(0.02)
