"""Programs run in groups of their own, and leave nothing behind."""

import os
import subprocess
import sys
import time

import pytest

from latentlab.core.errors import UserError
from latentlab.experiment.programs import processes
from latentlab.experiment.programs.processes import run_process

FAMILY = "sleep 300 & echo $! > child; echo begun; sleep 300"


def run(folder, *command, **settings):
    return run_process(command, folder, dict(os.environ), folder / "printed.txt", **settings)


def gone(pid, patience=5.0):
    """Whether a process ends, or has ended; one that nobody has waited for counts."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_status_and_output_are_kept(tmp_path):
    ended = run(tmp_path, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (ended.how, ended.status) == ("exit", 3)
    assert (tmp_path / "printed.txt").read_text() == "out\nerr\n"


def test_one_that_cannot_be_started(tmp_path):
    ended = run(tmp_path, "no-such-program")
    assert ended.how == "not begun"
    assert "no-such-program" in ended.why


def test_after_its_time_a_program_is_killed_with_its_children(tmp_path):
    begun = time.monotonic()
    ended = run(tmp_path, "sh", "-c", FAMILY, timeout=0.3)
    assert ended.how == "timeout"
    assert time.monotonic() - begun < 4
    assert gone(int((tmp_path / "child").read_text()))


def test_one_that_heeds_no_signal_is_killed_too(tmp_path):
    ended = run(
        tmp_path, "sh", "-c", "trap '' TERM; sleep 300 & echo $! > child; wait", timeout=0.3
    )
    assert ended.how == "timeout"
    assert gone(int((tmp_path / "child").read_text()))


def test_what_it_leaves_running_ends_with_it(tmp_path):
    run(tmp_path, "sh", "-c", "sleep 300 & echo $! > child")
    assert gone(int((tmp_path / "child").read_text()))


def test_a_pause_kills_and_is_told(tmp_path):
    seen = tmp_path / "seen"
    ended = run(tmp_path, "sh", "-c", "touch seen; sleep 300", paused=seen.exists)
    assert ended.how == "paused"


@pytest.mark.parametrize("number", [9, 15])
def test_a_killed_driver_leaves_no_program(tmp_path, number):
    driver = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, pathlib\n"
            "from latentlab.experiment.programs.processes import run_process\n"
            f"here = pathlib.Path({str(tmp_path)!r})\n"
            f"run_process(('sh', '-c', {FAMILY!r}), here, dict(os.environ), here / 'out')",
        ]
    )
    child = tmp_path / "child"
    while not (child.exists() and child.read_text().strip()):
        time.sleep(0.02)
    driver.send_signal(number)
    driver.wait()
    assert gone(int(child.read_text()))


def test_a_killed_launcher_leaves_no_program(tmp_path):
    child = tmp_path / "child"

    def kill_launcher():
        if child.exists() and child.read_text().strip():
            os.kill(processes._launcher()._process.pid, 9)
        return False

    with pytest.raises(UserError, match="process that runs the programs was killed"):
        run(tmp_path, "sh", "-c", FAMILY, paused=kill_launcher)
    assert gone(int(child.read_text()))
