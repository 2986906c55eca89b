"""What every source hands on: examples in splits, a schema, and a fingerprint of the content.

A source reads a data set's own file format; everything after it sees only a `Prepared`. Features
stay in the raw integer type (a quarter of float32's size, and exact), so that a data set may be
memory-mapped and be scaled batch by batch: `features / schema.scale` lies in [0, 1].
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from PIL import Image

CHUNK_BYTES = 1 << 24
"""Memory-mapped arrays are walked in pieces of about this size (16 MiB)."""


class Parts(BaseModel):
    """What an example consists of that is a picture or a text, in one row of numbers.

    The row holds the picture's numbers, the text's tokens, and the number of its group. How it is
    packed: `image_text`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: tuple[int, int, int] = Field(
        description="channels, height, width of a picture; of features: their number, 1, 1"
    )
    text: int = Field(ge=1, description="tokens of a text")

    @property
    def pixels(self) -> int:
        """Numbers of a picture."""
        return math.prod(self.image)

    @property
    def length(self) -> int:
        """Numbers of a row."""
        return self.pixels + self.text + 1


class Schema(BaseModel):
    """What the numbers of a data set mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="name of the source")
    shape: tuple[int, int, int] = Field(description="channels, height, width of one example")
    dtype: str = Field(description="numpy name of the features' type, such as uint8")
    scale: float = Field(gt=0, description="features / scale lies in [0, 1]")
    classes: tuple[str, ...] = Field(description="name of class k at position k")
    # Not in the dump of ordinary images, whose fingerprints would change with it.
    palette: Literal["arc"] | None = Field(
        default=None,
        exclude_if=lambda palette: palette is None,
        description="features are no intensities but tokens, to be shown in these colours",
    )
    parts: Parts | None = Field(
        default=None,
        exclude_if=lambda parts: parts is None,
        description="an example is a picture or a text, packed into one row",
    )


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    Attributes:
        features: examples in the raw type, [n, channels, height, width]; may be memory-mapped.
        labels: class numbers, int64 [n], in 0..classes - 1.
    """

    features: NDArray[Any]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.features)

    def chunks(self) -> Iterator[NDArray[Any]]:
        """The features in order, in contiguous little-endian pieces of about 16 MiB."""
        return _chunks(self.features)

    def take(self, index: NDArray[np.intp]) -> Split:
        """A copy of the examples at `index`, [m]."""
        return Split(np.ascontiguousarray(self.features[index]), self.labels[index])


@dataclass(frozen=True)
class Prepared:
    """A data set that is ready for training.

    Attributes:
        schema: meaning of the numbers.
        splits: `train`, `test` and, only where the data set has an official one, `validation`.
        origin: provenance in one line; not part of the fingerprint.
        folder: where `load_prepared` found it; None for one that is only in memory.
    """

    schema: Schema
    splits: Mapping[str, Split]
    origin: str
    folder: Path | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) of the schema and of the content of all splits.

        The same on every platform and for memory-mapped and in-memory arrays: bytes are hashed in
        little-endian order, splits in the order of their names.
        """
        digest = hashlib.sha256(self.schema.model_dump_json().encode())
        for name in sorted(self.splits):
            split = self.splits[name]
            for array in (split.features, split.labels):
                # The header keeps arrays of equal bytes but different shapes or types apart.
                kind = array.dtype.newbyteorder("<").str
                digest.update(f"\n{name} {kind} {array.shape}\n".encode())
                for chunk in _chunks(array):
                    digest.update(chunk.data)
        return digest.hexdigest()

    def card(self) -> dict[str, Any]:
        """The data card: a small JSON-able description.

        Returns:
            Name, origin, fingerprint, schema; per split the number of examples and the examples of
            each class (and group, where there are groups); mean and standard deviation over all
            pixels of the training split, in units of `features / scale`.
        """
        mean, sd = _pixel_moments(self.splits["train"], self.schema.parts)
        scale = self.schema.scale
        return {
            "name": self.schema.name,
            "origin": self.origin,
            "fingerprint": self.fingerprint,
            "schema": self.schema.model_dump(mode="json"),
            "splits": {
                name: {"examples": len(split), "classes": self._class_counts(split)}
                | self._group_counts(split)
                for name, split in self.splits.items()
            },
            "pixels": {"mean": mean / scale, "sd": sd / scale},
        }

    def preview(self, columns: int = 8) -> Image.Image:
        """A picture with one row per class: its name and its first training examples."""
        from latentlab.data.preview import draw_preview

        return draw_preview(self, columns)

    def _class_counts(self, split: Split) -> dict[str, int]:
        counts = np.bincount(split.labels, minlength=len(self.schema.classes))
        return {name: int(count) for name, count in zip(self.schema.classes, counts, strict=True)}

    def _group_counts(self, split: Split) -> dict[str, dict[str, int]]:
        if self.schema.parts is None:
            return {}
        from latentlab.data.image_text.layout import GROUPS, group_numbers

        counts = np.bincount(group_numbers(split.features), minlength=len(GROUPS))
        return {"groups": {name: int(n) for name, n in zip(GROUPS, counts, strict=True)}}


def _chunks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Pieces of `array` along its first axis, contiguous and little-endian."""
    row_bytes = max(1, array.dtype.itemsize * int(np.prod(array.shape[1:])))
    rows = max(1, CHUNK_BYTES // row_bytes)
    for start in range(0, len(array), rows):
        piece = np.ascontiguousarray(array[start : start + rows])
        yield piece.astype(piece.dtype.newbyteorder("<"), copy=False)


def _pixel_moments(split: Split, parts: Parts | None) -> tuple[float, float]:
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


def _pictures(rows: NDArray[Any], parts: Parts) -> NDArray[Any]:
    from latentlab.data.image_text.layout import VISUAL, group_numbers

    return rows[group_numbers(rows) == VISUAL, ..., : parts.pixels]
