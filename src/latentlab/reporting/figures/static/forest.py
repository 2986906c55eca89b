"""Every claim on a row: what was found, where the claim holds, and zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from latentlab.reporting.figures.static.page import (
    GAP,
    LABELS,
    LINE,
    MARKERS,
    WIDTH,
    Drawn,
    panel,
    wrapped,
)
from latentlab.reporting.figures.template import NEUTRAL, VERDICT_COLOURS, VERDICT_SYMBOLS
from latentlab.reporting.forest_row import common_interval, forest_row
from latentlab.reporting.formatting import MISSING, as_float, as_text, estimate_parts
from latentlab.reporting.verdict_cells import (
    Row,
    boundaries,
    boundary_text,
    ratio_unit,
    verdict_class,
)

_FOUND = 0.95
"""Inches beside the picture, for what was found."""
_CLAIMS = 12
"""Claims of a figure: more do not stand on a page."""


def forest_figures(rows: Sequence[Row]) -> Drawn:
    """Yield name, caption and figure of every dozen of claims."""
    for start in range(0, len(rows), _CLAIMS):
        yield (
            "forest",
            f"Effect of each claim with its {common_interval(rows)}, positive where better. The "
            "line is zero; dashed, the declared boundary; shaded, where the claim holds. Every row "
            "has a scale of its own. Verdicts follow from corrected p-values, not from intervals.",
            _forest(rows[start : start + _CLAIMS]),
        )


def _forest(rows: Sequence[Row]) -> Figure:
    texts = [(_named(row), _found(row)) for row in rows]
    tall = [LINE * (max(text.count("\n") for text in both) + 2) for both in texts]
    present = list(dict.fromkeys(verdict_class(row) for row in rows))
    figure, axes = panel(
        sum(tall), left=LABELS, right=_FOUND, below=LINE * 1.5 * -(-len(present) // 3)
    )
    axes.set(xlim=(0, 100), ylim=(sum(tall), 0))
    axes.axis("off")
    axes.axvline(50, color=NEUTRAL, linewidth=0.8)
    inner = WIDTH - LABELS - _FOUND
    top = 0.0
    for row, (name, found), height in zip(rows, texts, tall, strict=True):
        middle = top + height / 2
        for x, text in ((-LABELS / inner, name), (1 + GAP / inner, found)):
            axes.text(x, middle, text, transform=axes.get_yaxis_transform(), va="center")
        _add_claim(axes, row, middle, 0.35 * height)
        top += height
    handles = [
        Line2D([], [], linestyle="", **_verdict_style(verdict), label=_worded(verdict))
        for verdict in present
        if verdict in VERDICT_SYMBOLS
    ]
    figure.legend(handles=handles, loc="lower left", ncols=3, frameon=False, borderaxespad=0.2)
    return figure


def _named(row: Row) -> str:
    """Name of a claim, and where it holds."""
    name = wrapped(as_text(row.get("hypothesis")))
    return f"{name}\n{wrapped(boundary_text(row))}" if boundaries(row) else name


def _found(row: Row) -> str:
    """What was found: the effect with its interval, or why there is none."""
    numbers = (as_float(row.get(key)) for key in ("effect", "interval_low", "interval_high"))
    value, interval = estimate_parts(*numbers)
    if value == MISSING:
        return _worded(verdict_class(row))
    return f"{wrapped(f'{value}{ratio_unit(row)}')}\n{wrapped(interval)}".strip()


def _add_claim(axes: Axes, row: Row, middle: float, half: float) -> None:
    """Draw effect, interval, boundary and where the claim holds, at a height."""
    picture = forest_row(row)
    if picture is None:
        return
    style = _verdict_style(picture.verdict)
    edges = [middle - half, middle + half]
    for start, width in picture.claimed:
        axes.fill_betweenx(edges, start, start + width, color=NEUTRAL, alpha=0.2, linewidth=0)
    for bound in picture.boundaries:
        axes.plot([bound, bound], edges, color=NEUTRAL, linewidth=0.8, linestyle=(0, (2, 2)))
    if picture.interval is not None:
        axes.plot(picture.interval, [middle, middle], color=style["color"], linewidth=1.4)
        for end, is_open, arrow in zip(picture.interval, picture.is_open, "<>", strict=True):
            if is_open:
                axes.plot([end], [middle], **{**style, "marker": arrow}, clip_on=False)
    axes.plot([picture.effect], [middle], **style)


def _verdict_style(verdict: str) -> dict[str, Any]:
    symbol = VERDICT_SYMBOLS.get(verdict)
    return {
        "color": VERDICT_COLOURS[verdict],
        "marker": "" if symbol is None else MARKERS[symbol],
        "markersize": 4.5,
        "markeredgewidth": 0,
    }


def _worded(verdict: str) -> str:
    return verdict.replace("_", " ")
