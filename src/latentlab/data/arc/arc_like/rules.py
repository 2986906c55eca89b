"""What a rule of an ARC-like task is, and what several rules share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentlab.data.arc.arc_like.pictures import Setting
from latentlab.data.arc.tasks import COLOURS, Grid

Transformation = Callable[[Grid], Grid | None]
"""Gives the output grid, in the input's shape; None where the rule does not say which."""
Draw = Callable[[Setting, np.random.Generator], Transformation]


@dataclass(frozen=True)
class Rule:
    """A family of transformations.

    Attributes:
        name: unique within its category.
        meaning: in one clause; " / " parts what is drawn for each task.
        draw: chooses directions, colours and so on for one task.
    """

    name: str
    meaning: str
    draw: Draw


def on_lines(axis: int, change: Transformation) -> Transformation:
    """A transformation of rows (axis 0) or columns (axis 1), written for rows."""

    def apply(grid: Grid) -> Grid | None:
        changed = change(grid if axis == 0 else grid.T)
        return changed if changed is None or axis == 0 else changed.T

    return apply


def recoloured(grid: Grid, mapping: dict[int, int]) -> Grid:
    """The grid with colours replaced, all at once."""
    table = np.arange(COLOURS, dtype=np.uint8)
    table[list(mapping)] = list(mapping.values())
    return table[grid]


def unique_place(values: NDArray[np.int64], wanted: int) -> int | None:
    """Where the only value that equals `wanted` stands; None where there are several."""
    places = np.flatnonzero(values == wanted)
    return int(places[0]) if len(places) == 1 else None
