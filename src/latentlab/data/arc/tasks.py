"""What all sources of ARC tasks share: tokens, the array of a task, the schema.

A task (F. Chollet (2019), On the measure of intelligence, arXiv:1911.01547) is a handful of pairs
of grids: the same unknown rule turns the input of every pair into its output. Here one example is
one task, and its label is the category of its rule.

```
channel 2p, 2p + 1   input and output grid of pair p; a pair that the task lacks is padding
token 0..9           colours; 10: padding, to the right of a grid and below it
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentlab.data.prepared import Schema

COLOURS = 10
PADDING = 10
LARGEST_SIDE = 30
"""Grids of the Abstraction and Reasoning Corpus have at most this many rows and columns."""

Grid = NDArray[np.uint8]


@dataclass(frozen=True)
class Task:
    """Pairs that follow one rule.

    Attributes:
        name: unique in its collection.
        pairs: input and output grids, uint8 [height, width] in 0..9; at least one pair.
    """

    name: str
    pairs: tuple[tuple[Grid, Grid], ...]

    @property
    def content(self) -> tuple[tuple[tuple[int, ...], bytes], ...]:
        """The grids, to be compared with those of other tasks."""
        return tuple((grid.shape, grid.tobytes()) for pair in self.pairs for grid in pair)

    @property
    def side(self) -> int:
        """The longest side of any of its grids."""
        return max(side for pair in self.pairs for grid in pair for side in grid.shape)


def pack_tasks(tasks: Sequence[Task], pairs: int, side: int) -> NDArray[np.uint8]:
    """Put tasks into one array.

    Args:
        tasks: none with a grid larger than `side`.
        pairs: pairs per task; of more the first are taken, fewer are padded.
        side: height and width of the array.

    Returns:
        Tokens 0..10, [tasks, 2 * pairs, side, side].
    """
    features = np.full((len(tasks), 2 * pairs, side, side), PADDING, dtype=np.uint8)
    for planes, task in zip(features, tasks, strict=True):
        grids = [grid for pair in task.pairs[:pairs] for grid in pair]
        for plane, grid in zip(planes, grids, strict=False):
            height, width = grid.shape
            plane[:height, :width] = grid
    return features


def task_schema(name: str, pairs: int, side: int, classes: Sequence[str]) -> Schema:
    """The schema of packed tasks; `features * scale` of the scaled features are the tokens."""
    return Schema(
        name=name,
        shape=(2 * pairs, side, side),
        dtype="uint8",
        scale=float(PADDING),
        classes=tuple(classes),
        palette="arc",
    )
