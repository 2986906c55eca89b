"""The data card: what a data set holds, as a small JSON-able description."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.image_text_layout import GROUPS, VISUAL, ImageTextLayout, group_numbers
from latentlab.data.prepared import Prepared, Schema, Split

GROUP_COUNT = "groups_of_examples"
"""In the card of a split whose examples belong together: how many groups they make."""


def data_card(prepared: Prepared) -> dict[str, Any]:
    """Describe a data set by its counts and moments.

    Returns:
        Name, origin, fingerprint, schema; per split the number of examples and the examples of
        each class (and of pictures and texts), and the number of groups that examples belong to,
        with their digest, where they do; mean and standard deviation over all pixels of the
        training split, in units of `features / scale`.
    """
    schema = prepared.schema
    mean, sd = _pixel_moments(prepared.splits["train"], schema.parts)
    return {
        "name": schema.name,
        "origin": prepared.origin,
        "fingerprint": prepared.fingerprint,
        **({"grouping": prepared.grouping} if prepared.grouping else {}),
        "schema": schema.model_dump(mode="json"),
        "splits": {
            name: {"examples": len(split), "classes": _class_counts(split, schema)}
            | _group_counts(split, schema)
            | ({} if split.groups is None else {GROUP_COUNT: len(np.unique(split.groups))})
            for name, split in prepared.splits.items()
        },
        "pixels": {"mean": mean / schema.scale, "sd": sd / schema.scale},
    }


def _class_counts(split: Split, schema: Schema) -> dict[str, int]:
    counts = np.bincount(split.labels, minlength=len(schema.classes))
    return {name: int(count) for name, count in zip(schema.classes, counts, strict=True)}


def _group_counts(split: Split, schema: Schema) -> dict[str, dict[str, int]]:
    if schema.parts is None:
        return {}
    counts = np.bincount(group_numbers(split.features), minlength=len(GROUPS))
    return {"groups": {name: int(n) for name, n in zip(GROUPS, counts, strict=True)}}


def _pixel_moments(split: Split, parts: ImageTextLayout | None) -> tuple[float, float]:
    """Mean and standard deviation over all pixels, in raw units; with parts those of pictures."""
    if split.features.dtype == np.uint8:
        # A histogram of the 256 values: exact, one pass, and no float copy of the images.
        histogram = np.zeros(256, dtype=np.int64)
        for chunk in split.chunks():
            pixels = chunk if parts is None else _pictures(chunk, parts)
            histogram += np.bincount(pixels.ravel(), minlength=256)
        values = np.arange(256)
        mean = float(np.average(values, weights=histogram))
        return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=histogram)))
    count = split.features.size
    mean = sum(float(chunk.sum(dtype=np.float64)) for chunk in split.chunks()) / count
    # Two passes: the one-pass form E[x^2] - E[x]^2 cancels when the mean is large.
    squares = sum(float(((chunk - mean) ** 2).sum(dtype=np.float64)) for chunk in split.chunks())
    return mean, float(np.sqrt(squares / count))


def _pictures(rows: NDArray[Any], parts: ImageTextLayout) -> NDArray[Any]:
    return rows[group_numbers(rows) == VISUAL, ..., : parts.pixels]
