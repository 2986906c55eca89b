"""What every source hands on: examples in splits, a schema, and a fingerprint of the content.

A source reads a data set's own file format; everything after it sees only a `Prepared`. Features
stay in the raw integer type (a quarter of float32's size, and exact), so that a data set may be
memory-mapped and be scaled batch by batch: `features / schema.scale` lies in [0, 1].
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.core.model import StrictModel
from latentlab.data.image_text_layout import ImageTextLayout

CHUNK_BYTES = 1 << 24
"""Memory-mapped arrays are walked in pieces of about this size (16 MiB)."""


class Factor(NamedTuple):
    """Something that examples were made from."""

    name: str
    values: int
    """How many it takes."""
    ordered: bool = True
    """Whether they are the steps of a quantity."""


class Schema(StrictModel):
    """What the numbers of a data set mean."""

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
    parts: ImageTextLayout | None = Field(
        default=None,
        exclude_if=lambda parts: parts is None,
        description="an example is a picture or a text, packed into one row",
    )
    factors: tuple[Factor, ...] = Field(
        default=(),
        exclude_if=lambda factors: not factors,
        description="what examples were made from; the classes are their combinations",
    )


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    Attributes:
        features: examples in the raw type, [n, channels, height, width]; may be memory-mapped.
        labels: class numbers, int64 [n], in 0..classes - 1.
        groups: int64 [n]; examples of one number belong together, as captions of a picture do, and
            are no independent examples. None: each on its own.
    """

    features: NDArray[Any]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.features)

    def chunks(self) -> Iterator[NDArray[Any]]:
        """The features in order, in contiguous little-endian pieces of about 16 MiB."""
        return _chunks(self.features)

    def take(self, index: NDArray[np.intp]) -> Split:
        """A copy of the examples at `index`, [m]."""
        groups = None if self.groups is None else self.groups[index]
        return Split(np.ascontiguousarray(self.features[index]), self.labels[index], groups)


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

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.schema.name

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) of the schema and of all features and labels: of what trials learn from.

        Groups, which change no trial, are in `grouping`.
        The same on every platform and for memory-mapped and in-memory arrays: bytes are hashed in
        little-endian order, splits in the order of their names.
        """
        digest = hashlib.sha256(self.schema.model_dump_json().encode())
        for name in sorted(self.splits):
            split = self.splits[name]
            for array in (split.features, split.labels):
                _update(digest, name, array)
        return digest.hexdigest()

    @cached_property
    def grouping(self) -> str:
        """Sha256 (hex) of which examples belong together; empty where each is on its own."""
        grouped = {name: s.groups for name, s in self.splits.items() if s.groups is not None}
        digest = hashlib.sha256()
        for name in sorted(grouped):
            _update(digest, name, grouped[name])
        return digest.hexdigest() if grouped else ""


def _update(digest: hashlib._Hash, name: str, array: NDArray[Any]) -> None:
    # The header keeps arrays of equal bytes but different shapes or types apart.
    kind = array.dtype.newbyteorder("<").str
    digest.update(f"\n{name} {kind} {array.shape}\n".encode())
    for chunk in _chunks(array):
        digest.update(chunk.data)


def _chunks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Pieces of `array` along its first axis, contiguous and little-endian."""
    row_bytes = max(1, array.dtype.itemsize * int(np.prod(array.shape[1:])))
    rows = max(1, CHUNK_BYTES // row_bytes)
    for start in range(0, len(array), rows):
        piece = np.ascontiguousarray(array[start : start + rows])
        yield piece.astype(piece.dtype.newbyteorder("<"), copy=False)
