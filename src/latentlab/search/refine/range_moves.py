"""Moves of a range along the scale that it is searched on."""

from __future__ import annotations

import math

from latentlab.search.parameters import FloatParameter, IntParameter

Range = FloatParameter | IntParameter

_ROUNDING = 1e-9


def from_share(parameter: Range, share: float) -> float:
    """The value at a share of the range; not yet rounded to its step."""
    if parameter.log:
        return float(parameter.low * (parameter.high / parameter.low) ** share)
    return float(parameter.low + share * (parameter.high - parameter.low))


def narrowed(parameter: Range, low: float, high: float) -> Range:
    """The range between two values, within the old one.

    Whole numbers and steps are widened to the next value outside, so that nothing between is lost.
    """
    low, high = max(low, parameter.low), min(high, parameter.high)
    if parameter.step is not None:
        step = parameter.step
        low = parameter.low + step * math.floor((low - parameter.low) / step + _ROUNDING)
        high = parameter.low + step * math.ceil((high - parameter.low) / step - _ROUNDING)
        high = min(high, parameter.high)
    # Rounding must not leave the old range.
    low = max(_short(low, parameter), parameter.low)
    high = min(_short(high, parameter), parameter.high)
    if low >= high:
        step = parameter.step or (parameter.high - parameter.low) / 100
        low, high = max(low - step, parameter.low), min(high + step, parameter.high)
    return _with_bounds(parameter, low, high)


def expanded(parameter: Range, side: int, factor: float) -> Range:
    """The range with one bound moved outwards to `factor` times its value.

    A bound above 0 moves by the factor itself (a low one is divided by it), one below 0 the other
    way round; a bound at 0 cannot move. Whole numbers are rounded and hard limits kept.

    Args:
        parameter: the range.
        side: 1 for the high bound, -1 for the low one.
        factor: above 1.

    Returns:
        The wider range, or the same one where nothing is left outside.
    """
    low, high = parameter.low, parameter.high
    bound = high if side > 0 else low
    limit = parameter.limits[1] if side > 0 else parameter.limits[0]
    outwards = factor if (bound > 0) == (side > 0) else 1 / factor
    # Distances from the old bound, so that both sides are alike.
    room, wanted = abs(limit - bound), abs(bound * outwards - bound)
    if parameter.step is not None:
        # On the same grid as before; half a step and more is a step.
        wanted = parameter.step * math.floor(wanted / parameter.step + 0.5)
        room = (
            parameter.step * math.floor(room / parameter.step + _ROUNDING)
            if (math.isfinite(room))
            else room
        )
    moved = bound + side * min(wanted, room)
    if wanted < room:
        moved = _short(moved, parameter)
    if side * (moved - bound) <= 0:
        return parameter
    return _with_bounds(parameter, *((low, moved) if side > 0 else (moved, high)))


def _short(value: float, parameter: Range) -> float:
    """Four significant digits: a bound of a range claims no more."""
    if isinstance(parameter, IntParameter) or parameter.step is not None:
        return value
    if value in (parameter.low, parameter.high):
        return value
    return float(f"{value:.4g}")


def _with_bounds(parameter: Range, low: float, high: float) -> Range:
    ends: dict[str, float | int] = {"low": low, "high": high}
    if isinstance(parameter, IntParameter):
        ends = {key: round(value) for key, value in ends.items()}
    elif parameter.step is not None:
        ends = {key: float(f"{value:.12g}") for key, value in ends.items()}
    fields = parameter.model_dump() | ends
    return type(parameter).model_validate(fields)
