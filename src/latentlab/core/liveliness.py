"""No work is silent for long: where nothing is logged, a line says what goes on."""

from __future__ import annotations

import logging
import threading
import time
from typing import ClassVar

SILENCE = 2.0
"""Seconds without a line."""

logger = logging.getLogger(__name__)


class Liveliness(logging.Handler):
    """Says what goes on while nothing is logged.

    Attributes:
        heard: when something was last to be seen, by a monotonic clock; of the whole process, so
            that whoever draws a bar can set it.

    Args:
        seconds: of silence, at most.
    """

    heard: ClassVar[float] = 0.0

    def __init__(self, seconds: float = SILENCE) -> None:
        super().__init__(logging.INFO)
        self._seconds = seconds
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._begun = 0.0
        self._work = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Note that something was logged."""
        Liveliness.heard = time.monotonic()

    def begin(self, work: str) -> None:
        """Say from now on that this work goes on, in place of what was said before."""
        self._work = work
        self._begun = time.monotonic()
        if self._thread is None:
            # Of work that follows on other work, the silence of both counts.
            Liveliness.heard = self._begun
            self._ended.clear()
            logging.getLogger().addHandler(self)
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Say nothing more."""
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._thread = None
            logging.getLogger().removeHandler(self)

    def _watch(self) -> None:
        while not self._ended.wait(self._seconds / 8):
            now = time.monotonic()
            if now - Liveliness.heard >= self._seconds * 7 / 8:
                logger.info("%s: %s", self._work, _since(now - self._begun))


def _since(seconds: float) -> str:
    """Say how long work has gone on; that it begins, where the silence was that of earlier work."""
    return "begins" if seconds < 1 else f"{seconds:.0f} s so far"
