"""Durations for readers."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a duration in its largest unit of which there are two: `40 s`, `12 min`, `5 h`.

    Example:
        >>> duration(2.013), duration(90.0), duration(700.0), duration(2.5 * 86_400)
        ('2 s', '90 s', '12 min', '2 days')
    """
    for unit, length in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1g} s"
