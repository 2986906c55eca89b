"""Rules of the spatial categories: S1 symmetry, S2 movement, S3 lines."""

from __future__ import annotations

import numpy as np

from latentlab.data.arc.arc_like.pictures import Setting, flip, pick
from latentlab.data.arc.arc_like.rules import Rule, Transformation, on_lines
from latentlab.data.arc.tasks import COLOURS, Grid

Generator = np.random.Generator


def _mirror(setting: Setting, rng: Generator) -> Transformation:
    axis = int(rng.integers(2))
    return lambda grid: np.flip(grid, axis)


def _turn(setting: Setting, rng: Generator) -> Transformation:
    # A quarter turn keeps the shape of squares only.
    quarters = int(rng.integers(1, 4)) if setting.square else 2
    return lambda grid: np.rot90(grid, quarters)


def _fold(setting: Setting, rng: Generator) -> Transformation:
    axis, from_first = int(rng.integers(2)), flip(rng)

    def change(lines: Grid) -> Grid:
        half, folded = len(lines) // 2, lines.copy()
        if from_first:
            folded[-half:] = lines[:half][::-1]
        else:
            folded[:half] = lines[-half:][::-1]
        return folded

    return on_lines(axis, change)


def roll(setting: Setting, rng: Generator) -> Transformation:
    """The picture moves; what leaves comes in on the opposite side."""
    axis, step = int(rng.integers(2)), pick(rng, (-2, -1, 1, 2))
    return lambda grid: np.roll(grid, step, axis)


def _shift(setting: Setting, rng: Generator) -> Transformation:
    axis, forward, colour = int(rng.integers(2)), flip(rng), pick(rng, setting.palette)

    def change(lines: Grid) -> Grid:
        moved = np.roll(lines, 1 if forward else -1, 0)
        moved[0 if forward else -1] = colour
        return moved

    return on_lines(axis, change)


def _swap_neighbours(setting: Setting, rng: Generator) -> Transformation:
    axis, first = int(rng.integers(2)), int(rng.integers(2))

    def change(lines: Grid) -> Grid:
        swapped = lines.copy()
        pairs = (len(lines) - first) // 2
        ahead = slice(first, first + 2 * pairs, 2)
        behind = slice(first + 1, first + 2 * pairs, 2)
        swapped[ahead], swapped[behind] = lines[behind], lines[ahead]
        return swapped

    return on_lines(axis, change)


def extend_border(setting: Setting, rng: Generator) -> Transformation:
    """The cells of one border run through the picture."""
    axis, last = int(rng.integers(2)), flip(rng)
    return on_lines(axis, lambda lines: np.broadcast_to(lines[-1 if last else 0], lines.shape))


def _sort_cells(setting: Setting, rng: Generator) -> Transformation:
    axis, rank = int(rng.integers(2)), rng.permutation(COLOURS)

    def apply(grid: Grid) -> Grid:
        return np.take_along_axis(grid, np.argsort(rank[grid], axis, kind="stable"), axis)

    return apply


def _streaks(setting: Setting, rng: Generator) -> Transformation:
    axis, forward = int(rng.integers(2)), flip(rng)
    colours = setting.palette[:2]

    def change(lines: Grid) -> Grid:
        ordered = lines if forward else lines[::-1]
        streaked = ordered.copy()
        for line, before in zip(streaked[1:], streaked[:-1], strict=True):
            # A streak runs until the border, or until another begins.
            going_on = np.isin(before, colours) & ~np.isin(line, colours)
            line[going_on] = before[going_on]
        return streaked if forward else streaked[::-1]

    return on_lines(axis, change)


SYMMETRY = (
    Rule("mirror", "the picture is mirrored, left to right / top to bottom", _mirror),
    Rule("turn", "the picture is turned by two / in squares one or three quarters", _turn),
    Rule("fold", "the left / right / upper / lower half is mirrored onto the other", _fold),
)
MOVEMENT = (
    Rule("roll", "the picture moves by one / two cells; what leaves comes in opposite", roll),
    Rule("shift", "the picture moves by one cell; the line left behind is painted", _shift),
    Rule("swap_neighbours", "rows / columns change places two by two", _swap_neighbours),
)
LINES = (
    Rule("extend_border", "the cells of one border run through the picture", extend_border),
    Rule("sort_cells", "each row / column is sorted by an order of colours", _sort_cells),
    Rule("streaks", "cells of two colours draw streaks in one direction", _streaks),
)
