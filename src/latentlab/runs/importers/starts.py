"""When runs began, as the table of another tool says it."""

from __future__ import annotations

import pandas as pd

from latentlab.core.errors import UserError

_CALLED = ("start time", "start_time", "started", "started_at", "created", "datetime_start")


def start_column(frame: pd.DataFrame) -> str | None:
    """Return the column that is called a start and holds times; none where there is none."""
    for name in frame.columns:
        if str(name).lower() in _CALLED and times_of(frame[name]).notna().any():
            return str(name)
    return None


def times_of(column: pd.Series, where: str = "") -> pd.Series:
    """Return times in UTC, missing where there is none; one without a zone is of this machine's.

    Args:
        column: text, such as 2026-10-01 10:00 or 2026-10-01T10:00:00Z.
        where: for messages; empty where what is no time is missing.

    Raises:
        UserError: something else than a time is in it.
    """
    times = []
    for row, text in column.items():
        try:
            # A bare number may count seconds or milliseconds, from whichever year.
            time = pd.NaT if text.replace(".", "").isdigit() else pd.Timestamp(text or None)
            unread = time is pd.NaT and text != ""
        except ValueError:
            time, unread = pd.NaT, True
        if unread and where:
            raise UserError(
                f"{where}: '{text}' in row {row} is no time",
                "Write times as 2026-10-01T10:00:00Z, or name another column as evidence.started",
            )
        times.append(time if time is pd.NaT else pd.Timestamp(time.to_pydatetime().astimezone()))
    return pd.Series(pd.to_datetime(times, utc=True), index=column.index)
