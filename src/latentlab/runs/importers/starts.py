"""When runs began, as the table of another tool says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.setting_names import setting

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
        time = _time(str(text))
        times.append(pd.NaT if time is None else time)
        if time is None and text != "" and where:
            raise UserError(
                f"{where}: '{text}' in row {row} is no time",
                "Write times as 2026-10-01T10:00:00Z, or name another column as "
                f"{setting('started')}",
            )
    return pd.Series(times, index=column.index, dtype="datetime64[ns, UTC]")


def _time(text: str) -> pd.Timestamp | None:
    """Return a time in UTC; none where the text is none."""
    if not text or text.replace(".", "").isdigit():
        # A bare number may count seconds or milliseconds, from whichever year.
        return None
    try:
        time = pd.Timestamp(text)
        # Columns of times count nanoseconds, from 1677 to 2262.
        return None if pd.isna(time) else utc(time.to_pydatetime()).as_unit("ns")
    except (ValueError, OverflowError):
        return None


def utc(time: datetime) -> pd.Timestamp:
    """Return a time in UTC; one without a zone is of this machine's."""
    return pd.Timestamp(time.astimezone(UTC))
