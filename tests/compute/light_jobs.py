"""Jobs that need nothing heavy: what a cluster does with them is the same."""

import os
import signal
import time
from pathlib import Path

from latentlab.core.errors import UserError


def square(number, report):
    report({"squaring": number})
    return number * number


def fail(number, report):
    raise UserError(f"{number} is wrong", "Choose another.")


def die_once(mark, report):
    """Kill its own process, unless an earlier try has."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


def hear_of_the_end(number, report):
    """Be told that its time is up, as SLURM does, and go on."""
    os.kill(os.getpid(), signal.SIGUSR2)
    return number


def wait_for(gate, report):
    """Wait for a file; tell now and then."""
    while not Path(gate).exists():
        report({"waiting": time.time()})
        time.sleep(0.05)
    return os.getpid()


def shown_device(number, report):
    """Say which GPU this worker sees."""
    time.sleep(0.2)
    return os.environ["CUDA_VISIBLE_DEVICES"]
