"""Jobs that need nothing heavy, so that workers start at once; they are dealt with the same."""

import os
import signal
import time
from multiprocessing.util import Finalize
from pathlib import Path

from latentlab.core.errors import UserError


def square(number, report):
    report({"squaring": number})
    return number * number


def fail(number, report):
    raise UserError(f"{number} is wrong", "Choose another.")


def die(number, report):
    os.kill(os.getpid(), signal.SIGKILL)


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


def where(number, report):
    """Say which process this is."""
    time.sleep(0.2)
    return os.getpid()


def leave_a_note(path, report):
    """Touch a file when the process ends in good order."""
    Finalize(None, path.touch, exitpriority=0)


class Stubborn(Exception):
    """Cannot be read back: it wants two arguments and keeps one."""

    def __init__(self, what, why):
        super().__init__(what)


def job(payload, report):
    """End as it is told: well, late, in an error or not at all."""
    what, value = payload
    if what == "slow":
        time.sleep(0.5)
        report("late news")
    if what == "fail":
        raise ValueError("this job fails")
    if what == "stubborn":
        raise Stubborn("it broke", "because")
    if what == "lambda":
        raise RuntimeError(lambda: None)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return what, value
