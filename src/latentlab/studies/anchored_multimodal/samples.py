"""Samples as the encoders see them, unpacked from the rows of numbers that the data is made of."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from latentlab.data import ImageTextLayout
from latentlab.data.image_text_layout import SCALE


class Samples(NamedTuple):
    """Samples of both groups.

    Attributes:
        image: [batch, channels, height, width] in [0, 1]; zeros for a text.
        tokens: int64 [batch, length], 0 where there is no known character; zeros for a picture.
        group: int64 [batch], 0 visual, 1 text.
    """

    image: Tensor
    tokens: Tensor
    group: Tensor


def unpack(features: Tensor, parts: ImageTextLayout) -> Samples:
    """Samples of features in [0, 1], [batch, 1, 1, parts.length]; also within `vmap`."""
    rows = features.flatten(1)
    image, tokens, group = rows.split([parts.pixels, parts.text, 1], dim=1)
    return Samples(
        image.unflatten(1, parts.image),
        (tokens * SCALE).round().long(),
        (group[:, 0] * SCALE).round().long(),
    )
