"""Signals that stop a program as an exception, so that everything open is closed on the way out."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


_MOMENT = 0.05
"""Seconds after which a finaliser, in which a signal was lost, has ended."""


class BrokenOff(KeyboardInterrupt):
    """The program ends before its work does, which the same command takes up.

    Args:
        why: in a few words.
        status: of its exit.
    """

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


class Stopped(BrokenOff):
    """A signal asked the program to stop.

    Args:
        number: of the signal. The exit status is as shells have it: 130 after Ctrl-C, 143 after
            SIGTERM.
    """

    def __init__(self, number: int) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(f"Stopped by {name}", 128 + number)
        self.number = number


class Left(BrokenOff):
    """What is to be done goes on elsewhere without the program, as was asked for.

    Args:
        what: is left where.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what, 0)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise `Stopped` in the block at the first signal; a second one ends the process at once.

    What is raised while Python calls a finaliser, as it does in the midst of anything, is lost
    there: the signal is then sent once more, a moment later.
    """
    again: list[threading.Timer] = []

    def stop(number: int, frame: FrameType | None) -> None:
        forget()
        signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

    def forget() -> None:
        while again:
            again.pop().cancel()

    def lost(what: sys.UnraisableHookArgs) -> None:
        if not isinstance(what.exc_value, Stopped):
            tell(what)
            return
        number = what.exc_value.number
        signal.signal(number, stop)
        again.append(threading.Timer(_MOMENT, os.kill, (os.getpid(), number)))
        again[-1].start()

    if threading.current_thread() is not threading.main_thread():
        # Python hands signals to the main thread alone.
        yield
        return
    # What is ignored stays so: `nohup` and `&` in scripts ask for that.
    before = {
        number: signal.getsignal(number)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    tell, sys.unraisablehook = sys.unraisablehook, lost
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        forget()
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = tell
