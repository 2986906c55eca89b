"""Pictures: a mosaic of examples, and originals above what every arm makes of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from latentlab.core.arrays import AnyArray
from latentlab.reporting.figures.template import finish, label

_TILE = 64  # smallest edge of a tile in pixels, so that digits of 8 x 8 stay sharp squares
_GAP = 4


def mosaic(rows: list[AnyArray]) -> Image.Image:
    """Tile images into rows on a transparent ground.

    Args:
        rows: one array `[n, channels, height, width]` in [0, 1] per row, with 1 or 3 channels.
            Values outside are clipped; values that are not finite become black.

    Returns:
        An RGBA picture. Small tiles are enlarged by whole factors, without smoothing.
    """
    height, width = rows[0].shape[-2:]
    factor = max(1, -(-_TILE // max(height, width)))
    tile_height, tile_width = height * factor, width * factor
    columns = max(len(row) for row in rows)
    canvas = np.zeros(
        (
            len(rows) * (tile_height + _GAP) - _GAP,
            columns * (tile_width + _GAP) - _GAP,
            4,
        ),
        dtype=np.uint8,
    )
    for i, row in enumerate(rows):
        for j, image in enumerate(_as_bytes(row)):
            top, left = i * (tile_height + _GAP), j * (tile_width + _GAP)
            enlarged = image.repeat(factor, axis=0).repeat(factor, axis=1)
            tile = canvas[top : top + tile_height, left : left + tile_width]
            tile[..., :3] = enlarged
            tile[..., 3] = 255
    return Image.fromarray(canvas, "RGBA")


def example_mosaic(images: AnyArray, count: int = 24, columns: int = 12) -> Image.Image:
    """The first examples `[n, channels, height, width]` as a picture for a data card."""
    chosen = images[:count]
    return mosaic([chosen[i : i + columns] for i in range(0, len(chosen), columns)])


def png_uri(picture: Image.Image) -> str:
    """A picture as a `data:` address, so that a page needs no second file."""
    return f"data:image/png;base64,{base64.b64encode(png_bytes(picture)).decode('ascii')}"


def png_bytes(picture: Image.Image) -> bytes:
    """A picture as the content of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def reconstruction_grid(
    originals: AnyArray, reconstructions: Mapping[str, AnyArray], count: int = 12
) -> go.Figure:
    """Draw originals in the first row and one row of reconstructions per arm.

    Args:
        originals: `[n, channels, height, width]` in [0, 1].
        reconstructions: per arm the same examples in the same order.
        count: how many examples to show.
    """
    rows = [originals[:count], *(made[:count] for made in reconstructions.values())]
    return mosaic_figure(rows, dict(enumerate(["original", *reconstructions])))


def mosaic_figure(rows: list[AnyArray], names: Mapping[int, str]) -> go.Figure:
    """Draw rows of pictures with names beside them.

    Args:
        rows: as of `mosaic`.
        names: what stands beside a row, by its number.
    """
    picture = mosaic(rows)
    step = (picture.height + _GAP) / len(rows)
    figure = go.Figure(go.Image(source=png_uri(picture), hoverinfo="skip"))
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(
        tickvals=[step * (row + 0.5) - _GAP / 2 for row in names],
        ticktext=[label(name) for name in names.values()],
        showgrid=False,
        showline=False,
        ticks="",
        ticklabelstandoff=6,
        constrain="domain",
        constraintoward="top",
    )
    height = round(min(62.0, 900 / max(len(row) for row in rows)) * len(rows)) + 24
    # A narrow page shrinks the picture; its script reads here how much height is then left over.
    meta = {"height_per_width": picture.height / picture.width}
    return finish(figure, height, margin={"l": 56, "r": 12, "t": 12, "b": 12}, meta=meta)


def _as_bytes(images: AnyArray) -> NDArray[np.uint8]:
    """`[n, channels, height, width]` in [0, 1] as `[n, height, width, 3]` bytes."""
    finite = np.nan_to_num(np.asarray(images, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    scaled = (np.clip(finite, 0.0, 1.0) * 255).round().astype(np.uint8)
    colour = np.broadcast_to(scaled, (scaled.shape[0], 3, *scaled.shape[2:]))
    return np.moveaxis(colour, 1, -1)
