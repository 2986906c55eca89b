"""A study of programs through the command line: killed, taken up, judged; nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd

from labs.programs import write_conf
from labs.project_copies import copy_project

ARMS = {
    "small": {},
    "large": {"training": {"lr": 0.5}},
    "crashes": {"how": "crashes"},
    "silent": {"how": "silent"},
    "killed": {"how": "killed"},
    "hangs": {"how": "hangs"},
}


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be noted as ended does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_run_of_programs_is_taken_up(tmp_path):
    project = copy_project(tmp_path / "project")
    write_conf(project.root, ARMS)
    pids = tmp_path / "pids"
    command = [sys.executable, "-m", "kedro", "run", "--env", "smoke", "--pipelines", "toy"]
    environment = {**project.environment, "PIDS": str(pids)}
    driver = subprocess.Popen(
        [*command, "--params", "compute.engine=processes,compute.workers=2"],
        cwd=project.root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store = project.root / "data/smoke/06_models/toy"
    deadline = time.monotonic() + 120
    # Until the first program hangs, with others stored before it.
    while not (pids.exists() and len(pids.read_text().split()) >= 6):
        assert driver.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    for _ in range(100):
        left = [int(pid) for pid in pids.read_text().split() if alive(int(pid))]
        if not left:
            break
        time.sleep(0.1)
    assert not left
    before = {path: path.stat().st_mtime_ns for path in store.glob("trials/*/record.json")}
    assert before
    for path in before:
        assert json.loads(path.read_text())["status"] in ("finished", "failed")

    done = project.kedro_command("run", "--env", "smoke", "--pipelines", "toy")
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} of 12 trials are known" in done.stderr + done.stdout
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    assert not list(store.glob("running/*"))
    assert not list(store.rglob("*.partial"))
    assert not any(alive(int(pid)) for pid in pids.read_text().split())

    trials = pd.read_parquet(store / "trials.parquet")
    failed = trials[trials["status"] == "failed"].groupby("arm").size()
    assert failed.to_dict() == dict.fromkeys(("crashes", "silent", "killed", "hangs"), 2)
    assert set(trials.loc[trials["status"] == "finished", "arm"]) == {"small", "large"}
    reporting = project.root / "data/smoke/08_reporting/toy"
    (verdict,) = pd.read_csv(reporting / "verdicts.csv").to_dict("records")
    assert (verdict["hypothesis"], verdict["verdict"]) == ("better", "supported")
    report = (reporting / "report/report.md").read_text()
    assert "hangs: 2 of 2 trials failed (seeds 0, 1: killed after 3 s)." in report
    assert "crashes: 2 of 2 trials failed (seeds 0, 1: exit status 1)." in report
    assert os.path.exists(reporting / "figures/curves.json")
