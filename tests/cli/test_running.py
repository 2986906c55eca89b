"""What a run tells: quietly, and where no terminal is."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labs.project_copies import ProjectCopy

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def test_a_log_file_has_no_control_characters(smoke_project: ProjectCopy) -> None:
    said, errors = (
        (smoke_project.root / name).read_text() for name in ("terminal.txt", "errors.txt")
    )
    # Of a quick machine no piece of work may go on for long enough to say "so far".
    progress = re.search(r"(?m)^[\d:]{8} .+(begins|so far|% of)", said + errors)
    assert progress, "it tells its progress"
    assert not CONTROL.search(said + errors)


def test_a_quiet_run_tells_warnings_verdicts_and_where_to_look(
    smoke_project: ProjectCopy, tmp_path: Path
) -> None:
    project = ProjectCopy(tmp_path / "project")
    shutil.copytree(smoke_project.root, project.root)
    # As a shell has it, where colours are not forbidden.
    environment = {k: v for k, v in project.environment.items() if k != "NO_COLOR"}
    command = ["run", "-q", "--env", "smoke", "--pipelines", "derp_vae"]
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from latentlab.cli import main; main()"),
            *(*command, "--params", "derp_vae.seeds.count=2"),
        ],
        cwd=project.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not CONTROL.search(done.stdout + done.stderr)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    (summary,) = (k for k, line in enumerate(lines) if re.match(r"\d+ verdicts: ", line))
    warning = " ".join(" ".join(lines[:summary]).split())
    assert "derp_vae departs from its registration" in warning
    assert "so far" not in warning
    verdicts = "supported|refuted|inconclusive|invalid|not run"
    places = "report|MLflow|arms|pipelines"
    following = "A rehearsal|The seeds that|Adding|A new attempt|To confirm"
    for line in lines[summary + 1 :]:
        assert re.match(f"({verdicts}|{places}|{following})", line), line
    assert {line.split()[0] for line in lines[-4:]} == set(places.split("|"))


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0, 1.5, 2.5])
def test_ctrl_c_ends_the_first_seconds_in_one_line(project: ProjectCopy, seconds: float) -> None:
    """While modules are imported, and after."""
    code = "print(flush=True); from latentlab.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "plan", "derp_vae"],
        cwd=project.root,
        env=dict(project.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors == "Stopped by Ctrl-C\n"
