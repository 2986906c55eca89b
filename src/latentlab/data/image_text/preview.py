"""Pictures and texts of each class beside each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.data.image_text_layout import (
    TEXT,
    VISUAL,
    ImageTextLayout,
    group_numbers,
    pictures,
    texts,
)
from latentlab.data.prepared import Prepared

if TYPE_CHECKING:
    from PIL import Image

TILE = 56
"""Side of a picture, in pixels."""
GAP = 2
NAMES, LETTER = 110, 7
"""Widths of the column of class names and of a letter, in pixels."""
LETTERS = 50
"""Of a text that are shown."""


def draw_samples(prepared: Prepared, each: int, rows: int) -> Image.Image:
    """Draw the first training samples of each class.

    Args:
        prepared: a data set of pictures and texts.
        each: pictures, and texts, per class.
        rows: classes at most.

    Returns:
        An RGB image with one row per class: its name, pictures side by side, texts one below the
        other. Features in the place of pictures are drawn as grey squares, one per feature.
    """
    from PIL import Image, ImageDraw

    parts = prepared.schema.parts
    assert parts is not None
    train, names = prepared.splits["train"], prepared.schema.classes[:rows]
    groups = group_numbers(train.features)
    step = TILE + GAP
    start = NAMES + each * step
    width = start + LETTER * (2 + min(LETTERS, parts.text))
    canvas = Image.new("RGB", (width, len(names) * step), "white")
    draw = ImageDraw.Draw(canvas)
    for row, name in enumerate(names):
        top = row * step
        draw.text((4, top + step // 2 - 6), name[:20], fill="black")
        visual = np.flatnonzero((train.labels == row) & (groups == VISUAL))[:each]
        for column, pixels in enumerate(_as_images(train.features[visual], parts)):
            filtering = Image.Resampling.BOX if len(pixels) > TILE else Image.Resampling.NEAREST
            tile = Image.fromarray(pixels).resize((TILE, TILE), filtering)
            canvas.paste(tile, (NAMES + column * step, top))
        written = np.flatnonzero((train.labels == row) & (groups == TEXT))[:each]
        for line, text in enumerate(texts(train.features[written], parts)):
            shown = text if len(text) <= LETTERS else f"{text[: LETTERS - 3]}..."
            draw.text((start + 8, top + line * TILE // each), shown, fill="black")
    return canvas


def _as_images(features: NDArray[np.uint8], parts: ImageTextLayout) -> NDArray[np.uint8]:
    """Rows [n, 1, 1, length] as [n, h, w, 3], or as grey [n, h, w]."""
    images = pictures(features, parts)
    channels, height, width = parts.image
    if height == width == 1:
        side = math.isqrt(channels - 1) + 1
        squares = np.full((len(images), side * side), 255, dtype=np.uint8)
        squares[:, :channels] = images[:, :, 0, 0]
        return squares.reshape(-1, side, side)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1) if channels == 3 else images[:, 0])
