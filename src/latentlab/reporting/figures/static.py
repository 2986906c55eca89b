"""Figures for a paper: vector files, one column wide, from the tables that the report draws from.

They have the report's colours, symbols and digits. The same tables give the same bytes: nothing is
dated, numbered at random or looked up on the machine, whose fonts are left alone too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from latentlab.core.file_names import file_name
from latentlab.reporting.claims import common_interval
from latentlab.reporting.figures.curves import mean_curve
from latentlab.reporting.figures.template import (
    NEUTRAL,
    VERDICT_COLOURS,
    VERDICT_SYMBOLS,
    arm_styles,
)
from latentlab.reporting.forest_row import forest_row
from latentlab.reporting.formatting import (
    MISSING,
    as_float,
    as_text,
    decimals_for,
    estimate_parts,
    format_number,
    format_share,
)
from latentlab.reporting.tables import diverged_trials, metric_note, paired_scores
from latentlab.reporting.verdict_cells import (
    Row,
    boundaries,
    boundary_text,
    ratio_unit,
    verdict_class,
    verdict_rows,
)

FORMATS = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""Endings of the files, and what is kept out of them."""

_WIDTH, _GAP, _LINE = 3.35, 0.06, 0.125
"""Inches: a column of a paper, the space around what is drawn, and a line of text."""
_LABELS, _FOUND = 1.08, 0.95
"""Inches beside the picture: for names, and for what was found."""
_LETTERS = 18
"""Letters of a name that fit beside the picture."""
_CLAIMS = 12
"""Claims of a figure: more do not stand on a page."""
_FONT = "DejaVu Sans"
_STYLE: dict[Any, Any] = {
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
_MARKERS = {
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
_DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
}


@dataclass(frozen=True)
class StaticFigure:
    """A figure of a paper.

    Attributes:
        caption: what it shows, in sentences.
        files: its content by format.
    """

    caption: str
    files: Mapping[str, bytes]


def static_figures(
    verdicts: pd.DataFrame,
    comparison: pd.DataFrame,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    history: pd.DataFrame,
    arms: Sequence[str],
    curves: Sequence[str],
) -> dict[str, StaticFigure]:
    """Draw the claims, the trials of each metric that is compared, and the learning curves.

    Args:
        verdicts: one row per hypothesis.
        comparison: a row per metric and arm, from `comparison_table`.
        trials: the table of trials; those that diverged are left out, as in the comparison.
        scores: trial_id, arm, seed, split, metric, value.
        history: trial_id, arm, seed, epoch, step, metric, value.
        arms: in the order that decides their colours; others that were compared follow.
        curves: metrics of the history to draw.

    Returns:
        The figures by a name for their files; no two have the same.
    """
    styles = arm_styles([*dict.fromkeys([*arms, *comparison["arm"]])])
    found: dict[str, StaticFigure] = {}
    with rc_context(_STYLE):
        for name, caption, figure in (
            *_forests(verdict_rows(verdicts)),
            *_strips(comparison, scores, diverged_trials(trials), styles),
            *_curves(history, curves, styles),
        ):
            found[file_name(name, found)] = StaticFigure(caption, _written(figure))
    return found


def _written(figure: Figure) -> dict[str, bytes]:
    files = {}
    for kind, metadata in FORMATS.items():
        content = io.BytesIO()
        figure.savefig(content, format=kind, metadata=metadata, transparent=True)
        files[kind] = content.getvalue()
    return files


_Drawn = Iterator[tuple[str, str, Figure]]


def _forests(rows: Sequence[Row]) -> _Drawn:
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
    tall = [_LINE * (max(text.count("\n") for text in both) + 2) for both in texts]
    present = list(dict.fromkeys(verdict_class(row) for row in rows))
    figure, axes = _panel(
        sum(tall), left=_LABELS, right=_FOUND, below=_LINE * 1.5 * -(-len(present) // 3)
    )
    axes.set(xlim=(0, 100), ylim=(sum(tall), 0))
    axes.axis("off")
    axes.axvline(50, color=NEUTRAL, linewidth=0.8)
    inner = _WIDTH - _LABELS - _FOUND
    top = 0.0
    for row, (name, found), height in zip(rows, texts, tall, strict=True):
        middle = top + height / 2
        for x, text in ((-_LABELS / inner, name), (1 + _GAP / inner, found)):
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
    name = _wrapped(as_text(row.get("hypothesis")))
    return f"{name}\n{_wrapped(boundary_text(row))}" if boundaries(row) else name


def _found(row: Row) -> str:
    """What was found: the effect with its interval, or why there is none."""
    numbers = (as_float(row.get(key)) for key in ("effect", "interval_low", "interval_high"))
    value, interval = estimate_parts(*numbers)
    if value == MISSING:
        return _worded(verdict_class(row))
    return f"{_wrapped(f'{value}{ratio_unit(row)}')}\n{_wrapped(interval)}".strip()


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
        "marker": "" if symbol is None else _MARKERS[symbol],
        "markersize": 4.5,
        "markeredgewidth": 0,
    }


def _strips(
    comparison: pd.DataFrame,
    scores: pd.DataFrame,
    lost: frozenset[str],
    styles: Mapping[str, Mapping[str, str]],
) -> _Drawn:
    """Yield name, caption and figure of every metric of which there are values."""
    for (metric, split), rows in comparison.groupby(["metric", "split"], sort=False):
        if not rows["n"].any():
            continue
        points = paired_scores(scores, str(metric), str(split), lost)
        yield (
            f"strip-{metric}-{split}",
            f"{metric} ({split}): a point a seed, lines join the arms of a seed; below, means with "
            f"{format_share(float(rows['level'].iloc[0]))} intervals that are not adjusted.",
            _strip(rows, points.replace([np.inf, -np.inf], np.nan), styles),
        )


def _strip(
    rows: pd.DataFrame, points: pd.DataFrame, styles: Mapping[str, Mapping[str, str]]
) -> Figure:
    means = rows.set_index("arm").reindex([arm for arm in styles if arm in set(rows["arm"])])
    names = [f"{_wrapped(str(arm))}\nn = {n}" for arm, n in means["n"].items()]
    tall = [_LINE * max(name.count("\n") + 1.4, 3) for name in names]
    first = rows.iloc[0].to_dict()
    title = _wrapped(f"{first['metric']} ({first['split']}; {metric_note(first)})", 2 * _LETTERS)
    below = _LINE * (title.count("\n") + 3)
    figure, axes = _panel(sum(tall), left=_LABELS, right=0, below=below)
    middles = np.cumsum(tall) - np.array(tall) / 2
    table = points.reindex(columns=means.index)
    axes.plot(table.to_numpy().T, middles, color=NEUTRAL, alpha=0.45, linewidth=0.5)
    for (arm, mean), y in zip(means.iterrows(), middles, strict=True):
        style = styles[str(arm)]
        look: dict[str, Any] = {"color": style["colour"], "linestyle": ""}
        seeds: dict[str, Any] = {
            "marker": _MARKERS[style["symbol"]],
            "markersize": 3.5,
            "markeredgewidth": 0,
        }
        axes.plot(table[arm], np.full(len(table), y), **look, **seeds, alpha=0.75)
        # Below the points, so that neither hides the other.
        below = y + 0.8 * _LINE
        axes.hlines(
            below, mean["mean_low"], mean["mean_high"], color=style["colour"], linewidth=1.4
        )
        axes.plot([mean["mean"]], [below], **look, marker="|", markersize=6, markeredgewidth=1.4)
    axes.set_ylim(sum(tall), 0)
    axes.set_yticks(middles, names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(title)
    _number(axes.xaxis)
    return figure


def _curves(
    history: pd.DataFrame, metrics: Sequence[str], styles: Mapping[str, Mapping[str, str]]
) -> _Drawn:
    """Yield name, caption and figure of every metric of the history that has finite values."""
    for metric in metrics:
        own = history[history["metric"] == metric]
        means = {arm: mean_curve(own[own["arm"] == arm]) for arm in styles}
        means = {arm: curve for arm, curve in means.items() if len(curve)}
        if means:
            yield (
                f"curve-{metric}",
                f"{metric} by epoch: mean over seeds with a 95 % t band; a diverged trial ends "
                "where it ended.",
                _curve(metric, means, styles),
            )


def _curve(
    metric: str, means: Mapping[str, pd.DataFrame], styles: Mapping[str, Mapping[str, str]]
) -> Figure:
    # matplotlib leaves names that begin with an underscore out of a legend.
    names = {arm: f" {_wrapped(arm, 2 * _LETTERS)}" for arm in means}
    lines = sum(name.count("\n") + 1.3 for name in names.values())
    figure, axes = _panel(1.6, left=0.55, right=0, below=_LINE * (lines + 3))
    for arm, curve in means.items():
        style = styles[arm]
        look = {"color": style["colour"], "linewidth": 1.2, "linestyle": _DASHES[style["dash"]]}
        # A single epoch draws no line: without a marker it would be invisible.
        marker = _MARKERS[style["symbol"]] if len(curve) == 1 else ""
        axes.plot(curve["at"], curve["mean"], **look, marker=marker, markersize=4, label=names[arm])
        axes.fill_between(
            curve["at"],
            curve["low"],
            curve["high"],
            color=style["colour"],
            alpha=0.16,
            linewidth=0,
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel(_wrapped(metric, 2 * _LETTERS))
    _number(axes.xaxis, integer=True)
    _number(axes.yaxis)
    figure.legend(
        loc="lower left", frameon=False, borderaxespad=0, labelspacing=0.3, handlelength=3
    )
    return figure


def _panel(height: float, *, left: float, right: float, below: float) -> tuple[Figure, Axes]:
    """A figure of a column's width, and its axes with room in inches around them."""
    whole = height + below + 2 * _GAP
    figure = Figure(figsize=(_WIDTH, whole))
    inner = _WIDTH - left - max(right, _GAP)
    place = (left / _WIDTH, (below + _GAP) / whole, inner / _WIDTH, height / whole)
    return figure, figure.add_axes(place)


def _number(axis: Axis, integer: bool = False) -> None:
    """Put a few ticks on an axis, with as many digits as tell them apart."""
    low, high = sorted(axis.get_view_interval())
    ticks = [
        t for t in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= t <= high
    ]
    step = float(f"{np.ptp(ticks[:2]):.3g}")
    decimals = decimals_for(step, 1)
    axis.set_ticks(ticks, [format_number(tick, decimals) for tick in ticks])
    axis.set_view_interval(low, high, ignore=True)


def _worded(verdict: str) -> str:
    return verdict.replace("_", " ")


def _wrapped(name: str, letters: int = _LETTERS) -> str:
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
