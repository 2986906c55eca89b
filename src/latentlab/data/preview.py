"""A labelled grid of examples: the quickest check that images and labels belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.arc.palette import PAIRS, draw_tasks
from latentlab.data.image_text.preview import draw_samples
from latentlab.data.prepared import Prepared, Schema

if TYPE_CHECKING:
    from PIL import Image

CELL = 48
"""Examples are magnified by a whole number to at least this many pixels."""
GAP = 2
MARGIN = 110
"""Width of the column of class names, in pixels."""


def draw_preview(prepared: Prepared, columns: int = 8, rows: int = 20) -> Image.Image:
    """Draw the first training examples of each class.

    Args:
        prepared: the data set.
        columns: examples per class; of ARC tasks, pairs per class; where examples are pictures or
            texts, both together.
        rows: classes at most, so that a data set of many classes gives no endless picture.

    Returns:
        An RGB image with one row per class.
    """
    from PIL import Image, ImageDraw

    schema, train = prepared.schema, prepared.splits["train"]
    if schema.parts is not None:
        return draw_samples(prepared, columns // 2, rows)
    zoom = max(1, -(-CELL // max(schema.shape[1:])))
    names = schema.classes[:rows]
    if schema.palette == "arc":
        columns = max(1, columns // PAIRS)
    height, width = _as_bytes(train.features[:1], schema).shape[1:3]
    step_x, step_y = zoom * width + GAP, zoom * height + GAP
    picture = Image.new("RGB", (MARGIN + columns * step_x, len(names) * step_y), "white")
    draw = ImageDraw.Draw(picture)
    for row, name in enumerate(names):
        draw.text((4, row * step_y + step_y // 2 - 6), name, fill="black")
        members = np.flatnonzero(train.labels == row)[:columns]
        for column, pixels in enumerate(_as_bytes(train.features[members], schema)):
            size = (zoom * width, zoom * height)
            tile = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
            picture.paste(tile, (MARGIN + column * step_x, row * step_y))
    return picture


def _as_bytes(features: NDArray[Any], schema: Schema) -> NDArray[np.uint8]:
    """Features [n, c, h, w] as 8-bit images: [n, h, w, 3], or [n, h, w] of the first channel.

    Of ARC tasks: their first pairs side by side, inputs above outputs.
    """
    if schema.palette == "arc":
        return draw_tasks(features)
    grey = np.rint(np.clip(features / schema.scale, 0.0, 1.0) * 255).astype(np.uint8)
    return np.ascontiguousarray(grey.transpose(0, 2, 3, 1) if grey.shape[1] == 3 else grey[:, 0])
