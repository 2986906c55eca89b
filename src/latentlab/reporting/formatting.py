"""Numbers as text: as many digits as the evidence carries, and no more.

A mean of 0.8234127 whose interval is 0.02 wide says nothing about the fifth digit. Every number
that has an interval is therefore rounded to two significant digits of the interval's half-width
(the rule of the particle data group and of most journals); a number without one gets four
significant digits.
"""

from __future__ import annotations

import math
from typing import Any

MISSING = "-"
_DIGITS_ALONE = 4
_MOST_DECIMALS = 6
_ROUNDING = 1e-12
"""Relative differences below it come from the machine's arithmetic."""


def as_float(value: Any) -> float:
    """Read a cell of a table as a number; whatever is no number becomes NaN."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def as_text(value: object) -> str:
    """Read a cell of a table as text; None and NaN become the empty string."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = str(value)
    return "" if text in {"nan", "<NA>", "NaT"} else text


def decimals_for(scale: float, digits: int = 2) -> int:
    """Decimals that show `digits` significant digits of a quantity of size `scale`.

    Negative when the last significant digit stands left of the decimal point; 0 when `scale` is
    zero or not finite, because then nothing is known about the size.
    """
    if not math.isfinite(scale) or scale == 0:
        return 0
    return digits - 1 - math.floor(math.log10(abs(scale)))


_MORE_THAN_A_FLOAT_HAS = 1e16


def format_number(value: float, decimals: int | None = None) -> str:
    """Write one number.

    Args:
        value: the number; NaN is written as a dash.
        decimals: digits after the point; without it, four significant digits.

    Returns:
        Fixed-point text with thousands separators, or scientific notation where more than six
        decimals would be needed or the digits before the point are more than a float has. Never a
        negative zero.
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) >= _MORE_THAN_A_FLOAT_HAS:
        return f"{value:.3e}"
    if decimals is None:
        whole = math.isclose(value, round(value), rel_tol=_ROUNDING)
        decimals = 0 if whole else decimals_for(value, _DIGITS_ALONE)
    if decimals > _MOST_DECIMALS:
        # Keep the same last digit as the fixed-point form would have shown.
        digits = max(decimals - decimals_for(value, 1), 0) if value else 0
        return f"{value or 0.0:.{min(digits, 15)}e}"
    text = f"{value:,.{max(decimals, 0)}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text


def format_estimate(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """Write an estimate with its interval, or alone where the interval is unknown.

    Example:
        >>> format_estimate(0.8234127, 0.8112, 0.8356)
        '0.823 [0.811, 0.836]'
    """
    return " ".join(part for part in estimate_parts(value, low, high) if part)


def without_interval(text: str) -> str:
    """Return what `format_estimate` wrote without its interval, or another text as it is.

    Example:
        >>> without_interval("0.823 [0.811, 0.836]")
        '0.823'
    """
    return text.partition(" [")[0]


def estimate_parts(value: float, low: float = math.nan, high: float = math.nan) -> tuple[str, str]:
    """Write an estimate and its interval apart; the interval is empty where it is unknown."""
    if math.isnan(low) or math.isnan(high):
        return format_number(value), ""
    # The finite end of a one-sided interval tells how exact the value is.
    ends = [end for end in (low, high) if math.isfinite(end)]
    decimals = _interval_decimals(2 * value - ends[0], ends[0]) if len(ends) == 1 else None
    if len(ends) == 2:
        decimals = _interval_decimals(low, high)
    written = [format_number(number, decimals) for number in (value, low, high)]
    return written[0], f"[{written[1]}, {written[2]}]"


def format_declared(value: float) -> str:
    """Write a number that a person chose (a margin, a level): as declared, no digits added."""
    return MISSING if math.isnan(value) else f"{value:.6g}"


def format_p(p: float, threshold: float = 0.001) -> str:
    """Write a p-value without its leading zero; below `threshold` only the bound is written."""
    if math.isnan(p):
        return MISSING
    if p < threshold:
        return f"< {_without_zero(threshold, 3)}"
    # Rounding must not turn a large p into a certain one.
    return "> .999" if 0.9995 <= p < 1 else _without_zero(p, 3)


def format_share(share: float) -> str:
    """Write a share of one as a percentage ("90 %")."""
    return MISSING if math.isnan(share) else f"{100 * share:.4g} %"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun ("1 seed", "14 seeds")."""
    return f"{count} {noun_for(count, noun)}"


def noun_for(count: int, noun: str) -> str:
    """Return a noun as it follows a count ("seed" 1, "seeds" 14)."""
    return noun if count == 1 else f"{noun}s"


def trend(rho: float, sign: float) -> str:
    """Write which way of a parameter is better.

    Args:
        rho: with the objective as recorded.
        sign: 1 where a larger objective is better, else -1.
    """
    if math.isnan(rho) or rho == 0:
        return "none"
    return "increase helps" if rho * sign > 0 else "decrease helps"


def _interval_decimals(low: float, high: float) -> int | None:
    """Decimals for an interval; None (four digits) where its width says nothing."""
    half_width = abs(high - low) / 2
    if half_width <= _ROUNDING * max(abs(low), abs(high)) or not math.isfinite(half_width):
        return None
    return decimals_for(half_width)


def _without_zero(p: float, decimals: int) -> str:
    text = f"{p:.{decimals}f}"
    return text[1:] if text.startswith("0.") else text
