"""Where examples lie in latent space: a projection by label, and each dimension against N(0, 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from latentlab.core.arrays import AnyArray
from latentlab.reporting.figures.subplots import subplot_grid
from latentlab.reporting.figures.template import NEUTRAL, arm_styles, finish, label

# Paul Tol's "muted" scheme and one grey: ten labels that stay apart for every kind of sight.
LABEL_COLOURS = (
    "#CC6677",
    "#4A5BB8",
    "#DDCC77",
    "#117733",
    "#88CCEE",
    "#AA4499",
    "#44AA99",
    "#999933",
    "#A0522D",
    "#9A9A9A",
)
GROUP_SYMBOLS = ("circle", "x", "triangle-up-open", "square-open", "star-diamond")
_MAX_POINTS = 800
_EDGE = 4.0
_TALLEST = 1.2


def latent_scatter(
    latents: Mapping[str, AnyArray],
    labels: AnyArray,
    *,
    names: Sequence[str] = (),
    groups: Mapping[str, AnyArray] | None = None,
    max_points: int = _MAX_POINTS,
) -> go.Figure:
    """Draw the latent codes of every arm in one panel each, coloured by label.

    Args:
        latents: per arm `[n, latent]`. With more than two dimensions the first two principal
            components of that arm's own codes are shown, with their share of the variance.
        labels: `[n]`; up to ten distinct labels get a colour and a legend entry each, more are
            read as a quantity.
        names: of the labels, which are their places here; where there is a legend, it has them.
        groups: which examples are of each group, bool `[n]`, by the group's name; each group gets
            a symbol and a legend entry.
        max_points: points per panel; evenly spaced examples are drawn from a larger set.
    """
    labels = np.asarray(labels)
    every = max(1, -(-len(labels) // max_points))
    shown = labels[::every]
    symbols = dict(zip(groups or {}, GROUP_SYMBOLS, strict=False))
    marks = np.full(len(labels), GROUP_SYMBOLS[0], dtype=object)
    for group, members in (groups or {}).items():
        marks[members] = symbols[group]
    marks = marks[::every]
    views = {arm: _two_dimensions(np.asarray(codes, float)) for arm, codes in latents.items()}
    titles = [f"{label(arm)}{note}" for arm, (_, note) in views.items()]
    figure, height, places = subplot_grid(titles, columns=3, panel_height=230, gap=96, top=96)
    for (points, _), (row, col) in zip(views.values(), places, strict=True):
        _add_points(figure, points[::every], shown, names, marks, row, col)
    for group, symbol in symbols.items():
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker={"symbol": symbol, "color": NEUTRAL, "size": 6},
            name=label(group),
        )
    figure.update_xaxes(nticks=5, showgrid=False, title_text="component 1")
    figure.update_yaxes(nticks=5, showgrid=False)
    figure.update_yaxes(title_text="component 2", col=1)
    return finish(
        figure,
        height,
        legend={
            "y": 1 + 36 / (height - 146),
            "itemsizing": "constant",
            "title": {"text": "label", "font": {"size": 13}},
        },
    )


def latent_marginals(latents: Mapping[str, AnyArray], *, max_dimensions: int = 32) -> go.Figure:
    """Draw the histogram of every latent dimension of an arm against the prior's density.

    Args:
        latents: per arm `[n, latent]`.
        max_dimensions: dimensions drawn per arm, evenly chosen where there are more.

    A dimension that collapsed to a point is a spike at its place; spikes are cut at the top.
    """
    figure, height, places = subplot_grid(
        [f"{label(arm)}<br>{_dimensions(codes)}" for arm, codes in latents.items()],
        columns=3,
        panel_height=170,
        gap=86,
        top=96,
        shared_yaxes=True,
        horizontal_spacing=0.05,
    )
    grid = np.linspace(-_EDGE, _EDGE, 121)
    prior = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    for (arm, style), (row, col) in zip(arm_styles(list(latents)).items(), places, strict=True):
        x, y = _histograms(np.asarray(latents[arm], float), max_dimensions)
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": style["colour"], "width": 1, "shape": "hvh"},
            opacity=0.6,
            hoverinfo="skip",
            showlegend=False,
            name=label(arm),
            row=row,
            col=col,
        )
        figure.add_scatter(
            x=grid,
            y=prior,
            mode="lines",
            line={"color": NEUTRAL, "width": 2.5, "dash": "dash"},
            hoverinfo="skip",
            showlegend=(row, col) == (1, 1),
            name="density of N(0, 1)",
            row=row,
            col=col,
        )
    top = min(_TALLEST, max(0.5, 1.1 * max(_tallest(figure), default=0.5)))
    figure.update_yaxes(range=[0, top], nticks=4)
    figure.update_xaxes(range=[-_EDGE, _EDGE], nticks=5)
    figure.update_yaxes(title_text="density", col=1)
    return finish(figure, height, legend={"y": 1 + 36 / (height - 146)})


def _two_dimensions(codes: AnyArray) -> tuple[AnyArray, str]:
    """Two coordinates per code, and a note on how they were made."""
    if codes.shape[1] == 1:
        return np.column_stack([codes[:, 0], np.zeros(len(codes))]), "<br>1 dimension"
    if codes.shape[1] == 2:
        return codes, "<br>2 dimensions"
    finite = codes[np.isfinite(codes).all(axis=1)]
    if len(finite) < 2:
        return np.full((len(codes), 2), np.nan), "<br>no finite codes"
    centre = finite.mean(axis=0)
    _, singular, axes = np.linalg.svd(finite - centre, full_matrices=False)
    # The sign of a component is arbitrary; fixing it keeps reruns comparable.
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    total = float((singular**2).sum())
    share = float((singular[:2] ** 2).sum()) / total if total else 0.0
    points = (codes - centre) @ (axes * signs[:, None])[:2].T
    return points, f"<br>{100 * share:.0f} % of var."


def _add_points(
    figure: go.Figure,
    points: AnyArray,
    labels: AnyArray,
    names: Sequence[str],
    marks: AnyArray,
    row: int,
    col: int,
) -> None:
    kinds = np.unique(labels)
    marker: dict[str, Any] = {"size": 4, "opacity": 0.8, "symbol": marks}
    if len(kinds) > len(LABEL_COLOURS):
        figure.add_scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            marker={**marker, "color": labels, "coloraxis": "coloraxis"},
            hovertemplate="label %{marker.color}<extra></extra>",
            showlegend=False,
            row=row,
            col=col,
        )
        figure.update_layout(coloraxis={"colorscale": "Viridis", "colorbar": {"title": "label"}})
        return
    for kind, colour in zip(kinds, LABEL_COLOURS, strict=False):
        chosen = labels == kind
        name = label(names[kind] if names else kind)
        figure.add_scatter(
            x=points[chosen, 0],
            y=points[chosen, 1],
            mode="markers",
            marker={**marker, "color": colour, "symbol": marks[chosen]},
            name=name,
            legendgroup=str(kind),
            showlegend=(row, col) == (1, 1),
            hovertemplate=f"label {name}<extra></extra>",
            row=row,
            col=col,
        )


def _histograms(codes: AnyArray, max_dimensions: int) -> tuple[AnyArray, AnyArray]:
    """Densities of all chosen dimensions as one line with breaks: `x` and `y`."""
    edges = np.linspace(-_EDGE, _EDGE, 41)
    centres = (edges[:-1] + edges[1:]) / 2
    every = max(1, -(-codes.shape[1] // max_dimensions))
    xs: list[AnyArray] = []
    ys: list[AnyArray] = []
    for column in codes.T[::every]:
        finite = column[np.isfinite(column)]
        # Divided by all values: mass beyond the edges is missing, not spread over the rest.
        density = np.histogram(finite, edges)[0] / (max(len(finite), 1) * (edges[1] - edges[0]))
        xs += [centres, np.array([np.nan])]
        ys += [density, np.array([np.nan])]
    return np.concatenate(xs), np.concatenate(ys)


def _tallest(figure: go.Figure) -> list[float]:
    return [float(np.nanmax(trace.y)) for trace in figure.data if len(trace.y)]


def _dimensions(codes: AnyArray) -> str:
    count = np.asarray(codes).shape[1]
    return "1 dimension" if count == 1 else f"{count} dimensions"
