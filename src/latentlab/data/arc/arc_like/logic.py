"""Rules of L1, logic: two halves of the input are combined cell by cell.

About half of the task's colours are called marked. Where the connective is true of "marked in the
first half" and "marked in the second", the second half is painted. Of an odd number of lines the
one in the middle belongs to neither half.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from latentlab.core.arrays import Mask
from latentlab.data.arc.arc_like.pictures import Setting, pick
from latentlab.data.arc.arc_like.rules import Draw, Rule, Transformation, on_lines
from latentlab.data.arc.tasks import Grid


def painted_where(connective: Callable[[Mask, Mask], Mask]) -> Draw:
    """The rule that paints where the connective is true."""

    def draw(setting: Setting, rng: np.random.Generator) -> Transformation:
        axis, colour = int(rng.integers(2)), pick(rng, setting.palette)
        marked = setting.palette[: len(setting.palette) // 2]

        def change(lines: Grid) -> Grid:
            half, painted = len(lines) // 2, lines.copy()
            true = connective(np.isin(lines[:half], marked), np.isin(lines[-half:], marked))
            painted[-half:][true] = colour
            return painted

        return on_lines(axis, change)

    return draw


LOGIC = (
    Rule("both", "painted where both halves are marked", painted_where(np.logical_and)),
    Rule("either", "painted where one half or both are marked", painted_where(np.logical_or)),
    Rule("one_only", "painted where exactly one half is marked", painted_where(np.logical_xor)),
    Rule("first_only", "painted where only the first half is marked", painted_where(np.greater)),
)
