"""Rules of K1, shape: single cells become larger shapes, or small shapes are changed."""

from __future__ import annotations

import numpy as np

from latentlab.core.arrays import Mask
from latentlab.data.arc.arc_like.pictures import Setting, flip
from latentlab.data.arc.arc_like.rules import Rule, Transformation
from latentlab.data.arc.tasks import Grid

Generator = np.random.Generator


def _enlarge(setting: Setting, rng: Generator) -> Transformation:
    lower, right = flip(rng), flip(rng)

    def apply(grid: Grid) -> Grid:
        height, width = grid.shape
        # Half of the sides, rounded up, so that twice as much covers the grid.
        rows, columns = (height + 1) // 2, (width + 1) // 2
        top, left = (height - rows) * lower, (width - columns) * right
        quarter = grid[top : top + rows, left : left + columns]
        return quarter.repeat(2, 0).repeat(2, 1)[:height, :width]

    return apply


def grow(setting: Setting, rng: Generator) -> Transformation:
    """Cells of one colour grow."""
    colour, corners = setting.palette[0], flip(rng)
    return lambda grid: np.where(grown(grid == colour, corners), np.uint8(colour), grid)


def grown(mask: Mask, corners: bool) -> Mask:
    """The mask with all cells that touch it by a side, or also by a corner."""
    padded = np.pad(mask, 1)
    column = padded[:-2] | padded[1:-1] | padded[2:]
    if corners:
        return column[:, :-2] | column[:, 1:-1] | column[:, 2:]
    return column[:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]


def _turn_blocks(setting: Setting, rng: Generator) -> Transformation:
    quarters = 1 if flip(rng) else 3

    def apply(grid: Grid) -> Grid:
        rows, columns = (side // 2 for side in grid.shape)
        turned = grid.copy()
        # [row of blocks, row in a block, column of blocks, column in a block]
        blocks = grid[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)
        turned_blocks = np.rot90(blocks, quarters, (1, 3))
        turned[: 2 * rows, : 2 * columns] = turned_blocks.reshape(2 * rows, 2 * columns)
        return turned

    return apply


SHAPE = (
    Rule("enlarge", "one quarter is enlarged to the whole, cells to 2x2 blocks", _enlarge),
    Rule("grow", "cells of one colour grow into crosses / 3x3 blocks", grow),
    Rule("turn_blocks", "each 2x2 block is turned by one / three quarters", _turn_blocks),
)
