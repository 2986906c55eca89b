"""Runs one program at a time in a process group of its own, which never outlives this process."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Literal

from latentlab.core.errors import UserError
from latentlab.experiment.programs import launcher

POLLED = 0.1
"""Seconds between two looks at what a running program has written."""


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        how: by itself, or killed after its time, or because it was told to pause; or not begun.
        status: of its exit, negative the number of a signal; None where it was not begun.
        why: of one that was not begun.
    """

    how: Literal["exit", "timeout", "paused", "not begun"]
    status: int | None
    why: str = ""


def run_process(
    command: tuple[str, ...],
    directory: Path,
    environment: Mapping[str, str],
    output: Path,
    timeout: float | None = None,
    paused: Callable[[], bool] | None = None,
) -> Ended:
    """Run a program to its end; whatever it has started is gone afterwards.

    Args:
        command: the program and its arguments.
        directory: where it runs.
        environment: all of its variables.
        output: takes what it prints, after what is there.
        timeout: seconds, after which it is killed.
        paused: is asked while it runs; once it says yes, the program is killed.

    Raises:
        UserError: the launcher was killed.
    """
    one = _launcher()
    order = {
        "command": list(command),
        "directory": str(directory),
        "environment": dict(environment),
        "output": str(output),
    }
    one.tell(order)
    begun, wait = time.monotonic(), timeout
    how: Literal["exit", "timeout", "paused"] = "exit"
    try:
        while True:
            left = None if wait is None else begun + wait - time.monotonic()
            patience = left if paused is None else min(POLLED, POLLED if left is None else left)
            news = one.news(patience)
            if news is not None:
                break
            stop = paused is not None and paused()
            if how == "exit" and (stop or (left is not None and left <= 0)):
                how, wait, paused = ("paused" if stop else "timeout"), None, None
                one.tell({"end": True})
    except BaseException:
        # Whoever is stopped leaves nothing running.
        one.close()
        raise
    if "error" in news:
        return Ended("not begun", None, str(news["error"]))
    return Ended(how, int(news["status"]))


class _Launcher:
    """The process that runs programs for this one, started once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(launcher.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._news: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        Thread(target=self._listen, daemon=True).start()

    def tell(self, order: Mapping[str, Any]) -> None:
        """Give an order."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._killed() from error

    def news(self, seconds: float | None) -> dict[str, Any] | None:
        """Return how the program ended; None where it still runs after so many seconds."""
        try:
            news = self._news.get(timeout=None if seconds is None else max(0.0, seconds))
        except Empty:
            return None
        if news is None:
            raise self._killed()
        return news

    def close(self) -> None:
        """End it, and with it the program that it runs."""
        _launcher.cache_clear()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        running: int | None = None
        for line in self._process.stdout:
            news = json.loads(line)
            running = news.get("begun")
            if running is None:
                self._news.put(news)
        if running is not None:
            # The launcher was killed, and could not end what it ran.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(running, signal.SIGKILL)
        self._news.put(None)

    def _killed(self) -> UserError:
        _launcher.cache_clear()
        return UserError(
            "The process that runs the programs was killed",
            "Run again: finished trials are kept.",
        )


@functools.cache
def _launcher() -> _Launcher:
    one = _Launcher()
    atexit.register(one.close)
    return one
