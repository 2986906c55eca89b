"""Input grids of ARC-like tasks, and what is painted over outputs to distract.

Nothing here knows of categories, so nothing here can betray one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from latentlab.data.arc.tasks import COLOURS, Grid

Item = TypeVar("Item")

DISTRACTED = 0.25
"""Share of tasks whose outputs have something painted over them."""
BORDER, BAND, QUARTER = "border", "band", "quarter"


@dataclass(frozen=True)
class Distraction:
    """One part of every output of a task takes one colour, whatever the rule made of it.

    Attributes:
        part: the first and last line, the first two lines, or a quarter of the grid.
        turns: quarter turns that say which lines or quarter.
        colour: the colour.
    """

    part: str
    turns: int
    colour: int

    def paint(self, grid: Grid) -> Grid:
        """The grid with that part painted."""
        painted = grid.copy()
        turned = np.rot90(painted, self.turns)  # a view
        height, width = turned.shape
        if self.part == BORDER:
            turned[[0, -1]] = self.colour
        elif self.part == BAND:
            turned[:2] = self.colour
        else:
            turned[: height // 2, : width // 2] = self.colour
        return painted


@dataclass(frozen=True)
class Setting:
    """What the pairs of a task share beside the rule, drawn before and apart from it.

    Attributes:
        sides: smallest and largest number of rows and columns.
        square: grids have as many rows as columns.
        shape: rows and columns of every pair; None where each pair has its own.
        palette: seven to nine colours, in random order, that inputs have.
        distraction: None for most tasks.
    """

    sides: tuple[int, int]
    square: bool
    shape: tuple[int, int] | None
    palette: tuple[int, ...]
    distraction: Distraction | None


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """One of the items, all equally likely."""
    return items[int(rng.integers(len(items)))]


def flip(rng: np.random.Generator) -> bool:
    """True as often as false."""
    return int(rng.integers(2)) == 1


def draw_setting(rng: np.random.Generator, largest_side: int) -> Setting:
    """Draw what the pairs of a task share; sides are at least four fifths of the largest."""
    colours = tuple(int(colour) for colour in rng.permutation(COLOURS))
    sides = (largest_side - largest_side // 5, largest_side)
    square = flip(rng)
    shape = _draw_shape(rng, sides, square) if flip(rng) else None
    distraction = None
    if rng.random() < DISTRACTED:
        part = pick(rng, (BORDER, BAND, QUARTER))
        distraction = Distraction(part, int(rng.integers(4)), pick(rng, colours))
    palette = colours[: int(rng.integers(7, 10))]
    return Setting(sides, square, shape, palette, distraction)


def draw_input(setting: Setting, rng: np.random.Generator) -> Grid:
    """A mosaic of single cells with up to two rectangles of one colour on it."""
    shape = setting.shape or _draw_shape(rng, setting.sides, setting.square)
    palette = np.array(setting.palette, dtype=np.uint8)
    grid = palette[rng.integers(len(palette), size=shape)]
    for _ in range(int(rng.integers(3))):
        top, left = (int(place) for place in rng.integers(0, np.array(shape) - 2))
        rows, columns = rng.integers(2, 4, 2)
        grid[top : top + rows, left : left + columns] = pick(rng, setting.palette)
    return grid


def _draw_shape(rng: np.random.Generator, sides: tuple[int, int], square: bool) -> tuple[int, int]:
    height, width = (int(side) for side in rng.integers(sides[0], sides[1] + 1, 2))
    return (height, height) if square else (height, width)
