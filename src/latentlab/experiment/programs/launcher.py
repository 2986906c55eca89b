"""Runs programs, one after the other, for a process that may be killed: a script of its own.

It is told what to run in lines of JSON on its standard input, and answers with lines of JSON. When
its input ends, because whoever started it has ended or was killed, the program and all that this
has started are killed. It imports the standard library alone, so that starting it costs little.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

PATIENCE = 3.0
"""Seconds that a program has to end by itself once it is asked to."""


def main() -> None:
    """Serve until the input ends."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # Not ignored, which a program would inherit.
        signal.signal(number, lambda *_: None)
    running: subprocess.Popen[bytes] | None = None
    for line in sys.stdin:
        order = json.loads(line)
        if "command" in order:
            running = _start(order)
        elif running is not None:
            _end(running)
    if running is not None:
        _end(running)
    # Nobody listens any more, which Python would complain of in the end.
    os._exit(0)


def _start(order: dict[str, Any]) -> subprocess.Popen[bytes] | None:
    try:
        with open(str(order["output"]), "ab") as output:
            process = subprocess.Popen(
                order["command"],
                cwd=order["directory"],
                env=order["environment"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        _tell({"error": str(error)})
        return None
    _tell({"begun": process.pid})
    threading.Thread(target=_wait, args=(process,), daemon=True).start()
    return process


def _wait(process: subprocess.Popen[bytes]) -> None:
    status = process.wait()
    # What it left running would write into a folder that is moved.
    _signal(process, signal.SIGKILL)
    _tell({"status": status})


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program with all that it has started."""
    if process.poll() is not None:
        # What it left is killed already, and its number may be another's.
        return
    _signal(process, signal.SIGTERM)
    asked = time.monotonic()
    while process.poll() is None and time.monotonic() - asked < PATIENCE:
        time.sleep(0.01)
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _tell(news: dict[str, object]) -> None:
    # Nobody may listen any more.
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(news) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
