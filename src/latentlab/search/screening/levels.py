"""The levels of a sweep's screening: what is printed and what is done follow from the same p."""

from __future__ import annotations

import math
from typing import Literal

Tier = Literal["high", "moderate", "open", "untestable"]

HIGH = 0.02
"""Corrected p up to which a parameter is significant, and every refinement acts."""
MODERATE = 0.06
"""Corrected p up to which an aggressive refinement acts too."""
ROUNDING = 1e-12


def tier(p_corrected: float) -> Tier:
    """What a corrected p-value is called.

    Example:
        >>> tier(0.02), tier(0.05), tier(0.5), tier(math.nan)
        ('high', 'moderate', 'open', 'untestable')
    """
    if math.isnan(p_corrected):
        return "untestable"
    if p_corrected <= HIGH + ROUNDING:
        return "high"
    return "moderate" if p_corrected <= MODERATE + ROUNDING else "open"
