"""Rules of the abstract categories: A1 comparison, A2 composition and condition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from latentlab.data.arc.arc_like.colour import cycle
from latentlab.data.arc.arc_like.pictures import Setting, pick
from latentlab.data.arc.arc_like.rules import Draw, Rule, Transformation, on_lines, unique_place
from latentlab.data.arc.arc_like.shape import grow
from latentlab.data.arc.arc_like.spatial import extend_border, roll
from latentlab.data.arc.tasks import Grid

Generator = np.random.Generator


def _exchange(lines: Grid, richest: int, poorest: int, colour: int) -> None:
    lines[[richest, poorest]] = lines[[poorest, richest]]


def _copy(lines: Grid, richest: int, poorest: int, colour: int) -> None:
    lines[poorest] = lines[richest]


def _paint(lines: Grid, richest: int, poorest: int, colour: int) -> None:
    lines[richest] = colour


def compared(change: Callable[[Grid, int, int, int], None]) -> Draw:
    """The rule that changes the lines with the most and the fewest marked cells.

    About half of the task's colours are marked. Both lines must be the only ones of their kind.
    """

    def draw(setting: Setting, rng: Generator) -> Transformation:
        axis, colour = int(rng.integers(2)), pick(rng, setting.palette)
        marked = setting.palette[: len(setting.palette) // 2]

        def apply(lines: Grid) -> Grid | None:
            counts = np.isin(lines, marked).sum(axis=1)
            richest = unique_place(counts, counts.max())
            poorest = unique_place(counts, counts.min())
            if richest is None or poorest is None:
                return None
            changed = lines.copy()
            change(changed, richest, poorest, colour)
            return changed

        return on_lines(axis, apply)

    return draw


def in_turn(first: Draw, second: Draw) -> Draw:
    """The second transformation applied to what the first one gives."""

    def draw(setting: Setting, rng: Generator) -> Transformation:
        begin, end = first(setting, rng), second(setting, rng)

        def apply(grid: Grid) -> Grid | None:
            between = begin(grid)
            return None if between is None else end(between)

        return apply

    return draw


def depending(even: Draw, odd: Draw) -> Draw:
    """One transformation where the number of cells of a colour is even, else another."""

    def draw(setting: Setting, rng: Generator) -> Transformation:
        branches, colour = (even(setting, rng), odd(setting, rng)), setting.palette[0]
        return lambda grid: branches[int((grid == colour).sum()) % 2](grid)

    return draw


COMPARISON = (
    Rule(
        "exchange",
        "the rows / columns with most and fewest marked cells change places",
        compared(_exchange),
    ),
    Rule(
        "copy", "the row / column with most marked cells replaces that with fewest", compared(_copy)
    ),
    Rule("paint", "the row / column with most marked cells is painted", compared(_paint)),
)
COMPOSITION = (
    Rule("roll_cycle", "S2 roll, then C1 cycle", in_turn(roll, cycle)),
    Rule("extend_cycle", "S3 extend_border, then C1 cycle", in_turn(extend_border, cycle)),
    Rule("grow_roll", "K1 grow, then S2 roll", in_turn(grow, roll)),
    Rule(
        "extend_or_roll",
        "S3 extend_border if one colour has an even number of cells, else S2 roll",
        depending(extend_border, roll),
    ),
)
