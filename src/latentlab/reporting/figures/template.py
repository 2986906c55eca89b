"""One look for all figures: fonts, grid, margins, and colours that everybody can tell apart.

Colours are Okabe and Ito's (2008), without the yellow and black that vanish on a white or a dark
page. An arm keeps its colour in every figure, because colours follow the order of the arms; arms
also differ in marker and dash, so that no figure depends on colour alone. What depends on the page
(text, grid, background) is left to the template, so that a report can show one figure on a light
and on a dark page.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

PALETTE = (
    "#0072B2",  # blue
    "#D55E00",  # vermillion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#8C6D46",  # brown
    "#7F7F7F",  # grey
)
SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "x",
    "star",
    "hexagon",
)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
NEUTRAL = "#8a8a8a"  # readable on white and on the dark page alike
VERDICT_COLOURS = {
    "supported": "#0072B2",
    "refuted": "#D55E00",
    "inconclusive": "#8a8a8a",
    "invalid": "#CC79A7",
    "not_run": "#8a8a8a",
}
VERDICT_SYMBOLS = {
    "supported": "circle",
    "refuted": "x",
    "inconclusive": "diamond",
    "invalid": "square",
}
"""Of a verdict with an effect."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_PAGES = {
    "light": {"text": "#1f2933", "grid": "#e4e7eb", "line": "#9aa5b1", "hover": "#ffffff"},
    "dark": {"text": "#e4e7eb", "grid": "#39424e", "line": "#6b7785", "hover": "#1c232b"},
}


def template(page: Literal["light", "dark"] = "light") -> go.layout.Template:
    """The shared template for a light or a dark page; the background is the page's own."""
    colours = _PAGES[page]
    axis: dict[str, Any] = {
        "gridcolor": colours["grid"],
        "linecolor": colours["line"],
        "tickcolor": colours["line"],
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": colours["text"]},
            "colorway": list(PALETTE),
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "yanchor": "bottom",
                "y": 1.0,
                "x": 0,
                "xanchor": "left",
            },
            "hoverlabel": {
                "bgcolor": colours["hover"],
                "bordercolor": colours["line"],
                "font": {"family": FONT, "size": 12, "color": colours["text"]},
            },
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": colours["line"],
                "activecolor": colours["text"],
            },
            "margin": {"l": 56, "r": 16, "t": 40, "b": 48},
        }
    )


def finish(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    """Give a figure the shared template and its height; the width follows the page."""
    figure.update_layout(template=template(), autosize=True, height=height, **layout)
    return figure


def empty_figure() -> go.Figure:
    """A figure of which there was nothing to draw."""
    return finish(go.Figure(), 80)


def error_bars(centre: ArrayLike, low: ArrayLike, high: ArrayLike, **style: Any) -> dict[str, Any]:
    """Bars from `low` to `high` around `centre`, as plotly wants them; NaN draws none."""
    middle = np.asarray(centre, dtype=float)
    above, below = np.asarray(high) - middle, middle - np.asarray(low)
    return {"type": "data", "array": above.tolist(), "arrayminus": below.tolist(), **style}


def label(name: object) -> str:
    """A name from a configuration as figure text: plotly would read `<b>` in it as markup."""
    return html.escape(str(name), quote=False)


def arm_styles(arms: Sequence[str]) -> dict[str, dict[str, str]]:
    """Colour, marker symbol and dash of every arm, by its place in the order.

    Beyond eight arms colours return, but with another symbol and dash: symbols have a period of
    nine and dashes of five, so a combination does not return before 360 arms.
    """
    return {
        arm: {
            "colour": PALETTE[i % len(PALETTE)],
            "symbol": SYMBOLS[i % len(SYMBOLS)],
            "dash": DASHES[i % len(DASHES)],
        }
        for i, arm in enumerate(arms)
    }


def translucent(colour: str, opacity: float) -> str:
    """A colour of the palette with an opacity, as plotly wants it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def panel_grid(count: int, columns: int) -> tuple[int, int]:
    """Rows and columns of a grid that holds `count` panels, at most `columns` side by side."""
    columns = max(1, min(columns, count))
    return max(1, -(-count // columns)), columns
