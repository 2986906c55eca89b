"""Says how many of some things are done, now and then."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger(__name__)

LINE_SECONDS = 1.0
"""Without a terminal, a line at most this often: half of what would be called silence."""


class Counted:
    """Counts things that come to their end.

    Args:
        line: with two places, as `Running: %d of %d programs have ended`.
        total: how many there are.
    """

    def __init__(self, line: str, total: int) -> None:
        self._line = line
        self._total = total
        self._ended = 0
        self._told = time.monotonic()

    def add(self) -> None:
        """Count one more, and say so if it is time."""
        self.reach(self._ended + 1)

    def reach(self, count: int) -> None:
        """Take note that so many are done, and say so if it is time."""
        self._ended = count
        if time.monotonic() - self._told >= LINE_SECONDS:
            logger.info(self._line, self._ended, self._total)
            self._told = time.monotonic()
