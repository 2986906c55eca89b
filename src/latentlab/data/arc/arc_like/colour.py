"""Rules of the colour categories: C1 recolouring, C2 counting."""

from __future__ import annotations

import numpy as np

from latentlab.data.arc.arc_like.pictures import Setting, flip
from latentlab.data.arc.arc_like.rules import (
    Rule,
    Transformation,
    on_lines,
    recoloured,
    unique_place,
)
from latentlab.data.arc.tasks import COLOURS, Grid

Generator = np.random.Generator


def _swap(setting: Setting, rng: Generator) -> Transformation:
    first, second = setting.palette[:2]
    return lambda grid: recoloured(grid, {first: second, second: first})


def cycle(setting: Setting, rng: Generator) -> Transformation:
    """Each of four or all colours is replaced by the next."""
    colours = setting.palette if flip(rng) else setting.palette[:4]
    mapping = dict(zip(colours, colours[1:] + colours[:1], strict=True))
    return lambda grid: recoloured(grid, mapping)


def _merge(setting: Setting, rng: Generator) -> Transformation:
    mapping = dict.fromkeys(setting.palette[:3], setting.palette[3])
    return lambda grid: recoloured(grid, mapping)


def _rank(setting: Setting, rng: Generator) -> Transformation:
    axis, falling = int(rng.integers(2)), flip(rng)
    return on_lines(axis, lambda lines: _ranked(lines, falling))


def _rank_halves(setting: Setting, rng: Generator) -> Transformation:
    axis, falling = int(rng.integers(2)), flip(rng)

    def change(lines: Grid) -> Grid:
        half = len(lines) // 2
        return np.concatenate([_ranked(lines[:half], falling), _ranked(lines[half:], falling)])

    return on_lines(axis, change)


def _ranked(lines: Grid, falling: bool) -> Grid:
    """The same cells, refilled line by line: colour after colour in the order of their counts."""
    cells = lines.ravel()
    colours, first, counts = np.unique(cells, return_index=True, return_counts=True)
    # Colours of equal counts stand in the order in which they are first met.
    order = np.lexsort((first, -counts if falling else counts))
    return np.repeat(colours[order], counts[order]).reshape(lines.shape)


def _absorb(setting: Setting, rng: Generator) -> Transformation:
    def apply(grid: Grid) -> Grid | None:
        counts = np.bincount(grid.ravel(), minlength=COLOURS)
        most = unique_place(counts, counts.max())
        if most is None:
            return None
        # Fewer cells than the mean of the colours that are there, in whole numbers.
        rare = np.flatnonzero(counts * np.count_nonzero(counts) < grid.size)
        return recoloured(grid, dict.fromkeys(rare.tolist(), most))

    return apply


RECOLOURING = (
    Rule("swap", "two colours change places", _swap),
    Rule("cycle", "four / all colours are each replaced by the next", cycle),
    Rule("merge", "three colours take a fourth", _merge),
)
COUNTING = (
    Rule("rank", "the cells are put in order colour by colour, by falling / rising counts", _rank),
    Rule("rank_halves", "the same within each half by itself", _rank_halves),
    Rule("absorb", "colours rarer than the mean take the most frequent one", _absorb),
)
