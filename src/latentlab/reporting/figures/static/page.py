"""The page of a paper's figures: a column's width, type, marks, ticks and names that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import MaxNLocator

from latentlab.reporting.figures.template import NEUTRAL
from latentlab.reporting.formatting import decimals_for, format_number

Drawn = Iterator[tuple[str, str, Figure]]
"""Name, caption and figure of each."""

WIDTH, GAP, LINE = 3.35, 0.06, 0.125
"""Inches: a column of a paper, the space around what is drawn, and a line of text."""
LABELS = 1.08
"""Inches beside the picture, for names."""
LETTERS = 18
"""Letters of a name that fit beside the picture."""
_FONT = "DejaVu Sans"
STYLE: dict[Any, Any] = {
    "font.family": _FONT,
    "font.size": 7,
    "axes.linewidth": 0.6,
    "axes.edgecolor": NEUTRAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    # Names are no formulas, whatever they hold.
    "text.parse_math": False,
    # Publishers refuse the other kind, Type 3.
    "pdf.fonttype": 42,
    "svg.hashsalt": "latentlab",
}
MARKERS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "cross": "P",
    "x": "X",
    "star": "*",
    "hexagon": "h",
}
DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
}


def panel(height: float, *, left: float, right: float, below: float) -> tuple[Figure, Axes]:
    """A figure of a column's width, and its axes with room in inches around them."""
    whole = height + below + 2 * GAP
    figure = Figure(figsize=(WIDTH, whole))
    inner = WIDTH - left - max(right, GAP)
    place = (left / WIDTH, (below + GAP) / whole, inner / WIDTH, height / whole)
    return figure, figure.add_axes(place)


def number(axis: Axis, integer: bool = False) -> None:
    """Put a few ticks on an axis, with as many digits as tell them apart."""
    low, high = sorted(axis.get_view_interval())
    ticks = [
        t for t in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= t <= high
    ]
    step = float(f"{np.ptp(ticks[:2]):.3g}")
    decimals = decimals_for(step, 1)
    axis.set_ticks(ticks, [format_number(tick, decimals) for tick in ticks])
    axis.set_view_interval(low, high, ignore=True)


def wrapped(name: str, letters: int = LETTERS) -> str:
    """A name in lines, broken where a word of it ends."""
    lines = [""]
    word = rf"[-\s_]*[^-\s_]{{1,{letters - 2}}}[\s_]?|[-\s_]+"
    for piece in re.findall(word, _drawable(name)):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > letters:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _drawable(text: str) -> str:
    """The text on one line, with the code of what the font cannot draw."""
    return "".join(
        character if _font().get_char_index(ord(character)) else f"(U+{ord(character):04X})"
        for character in " ".join(text.split())
    )


@cache
def _font() -> Any:
    return get_font(findfont(_FONT))
