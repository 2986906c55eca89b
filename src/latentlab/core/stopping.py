"""Signals that stop a program as an exception, so that everything open is closed on the way out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


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


class Left(BrokenOff):
    """What is to be done goes on elsewhere without the program, as was asked for.

    Args:
        what: is left where.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what, 0)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise `Stopped` in the block at the first signal; a second one ends the process at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

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
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
