"""Copies of the project: tests run pipelines and servers there, and the checkout stays as it is."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mlflow
import pytest
from filelock import FileLock

from labs.warm_processes import start_kedro

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ProjectCopy:
    """A folder with the project's `conf`, a data folder and an MLflow store of its own.

    Attributes:
        root: the folder.
        own_source: whether the package is its own copy too.
        tracking: the tracking address; none: a SQLite file in the folder.
    """

    root: Path
    own_source: bool = False
    tracking: str | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of every program that runs in the copy."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "COVERAGE_"))}
        source = {"PYTHONPATH": str(self.root / "src")} if self.own_source else {}
        return (
            kept
            | source
            | {
                "MLFLOW_TRACKING_URI": self.tracking or f"sqlite:///{self.root / 'mlflow.db'}",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "DO_NOT_TRACK": "1",
                "NO_COLOR": "1",
                "COLUMNS": "200",
            }
        )

    def kedro(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a Kedro command to its end, in a process that has its imports already."""
        with tempfile.TemporaryDirectory() as folder:
            outputs = [Path(folder) / "stdout", Path(folder) / "stderr"]
            process = start_kedro(arguments, self.root, self.environment, *outputs)
            try:
                process.join(timeout)
            finally:
                if process.is_alive():
                    os.killpg(process.pid, signal.SIGKILL)
                    process.join()
            return subprocess.CompletedProcess(
                ["kedro", *arguments], process.exitcode, *(path.read_text() for path in outputs)
            )

    def kedro_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Kedro command to its end as a shell would."""
        return subprocess.run(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=self.root,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def empty_store(folder: Path) -> Path:
    """Put an MLflow store without runs into a folder; the path of its database."""
    return Path(shutil.copy(_empty_store(), folder))


@cache
def _empty_store() -> Path:
    """Such a store: making its tables takes seconds, copying it does not."""
    path = Path(tempfile.mkdtemp()) / "mlflow.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


def copy_project(root: Path, with_source: bool = False, with_store: bool = True) -> ProjectCopy:
    """Copy what a run needs: `conf` without a person's own settings and, if asked for, `src`."""
    root.mkdir(parents=True)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(CHECKOUT / name, root)
    shutil.copytree(CHECKOUT / "conf", root / "conf", ignore=shutil.ignore_patterns("local"))
    (root / "conf" / "local").mkdir()
    if with_source:
        # With what is compiled already, but not what another process is writing.
        ignored = shutil.ignore_patterns("*.pyc.*", "*.egg-info")
        shutil.copytree(CHECKOUT / "src", root / "src", ignore=ignored)
    else:
        # Kedro insists on the folder; the package itself is the installed one.
        (root / "src").mkdir()
    if with_store:
        empty_store(root)
    return ProjectCopy(root, with_source)


def finished_smoke_run(factory: pytest.TempPathFactory) -> ProjectCopy:
    """The copy in which `kedro run --env smoke` has finished, one for all workers of a session."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    root = base / "smoke_project"
    with FileLock(base / "smoke_project.lock"):
        if (root / "finished").exists():
            return ProjectCopy(root)
        if root.exists():
            pytest.fail("the smoke run failed in another test")
        project = copy_project(root, with_store=False)
        result = project.kedro_command("run", "--env", "smoke")
        assert result.returncode == 0, result.stdout + result.stderr
        (root / "terminal.txt").write_text(result.stdout)
        (root / "errors.txt").write_text(result.stderr)
        (root / "finished").touch()
    return project


def free_port() -> int:
    """A port that nothing listens on, nor on the four after it, among which Kedro-Viz looks.

    Below the range from which the system takes the ports of outgoing connections.
    """
    while True:
        first = random.randrange(20_000, 32_000)
        try:
            for port in range(first, first + 5):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


@contextmanager
def serving(
    project: ProjectCopy, command: Sequence[str], address: str, log: Path, seconds: float = 120
) -> Iterator[None]:
    """Run a server until the block ends, from when it answers at `address`."""
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=project.root,
            env=dict(project.environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_answer(server, address, log, seconds)
        yield
    finally:
        # The whole group: both servers do their work in child processes.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _await_answer(server: subprocess.Popen[bytes], address: str, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"the server ended with {server.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no answer from {address} in {seconds} s:\n{log.read_text()}")
