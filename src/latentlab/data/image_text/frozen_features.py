"""Features of a frozen backbone in the place of pictures, computed once and kept.

A backbone that does not learn gives a picture the same features in every epoch and trial. Here a
data set's pictures become features, so that training sees 512 numbers and not 150,000.

```
<folder>/<digest of data and weights>/<split>.npz   float32 [pictures, features], with a checksum
```
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_file, remove_partials
from latentlab.data.image_text_layout import SCALE, VISUAL, ImageTextLayout, group_numbers, pictures
from latentlab.data.io.progress import progress
from latentlab.data.prepared import Prepared, Split

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backbone:
    """A frozen encoder of pictures.

    Attributes:
        name: for people.
        digest: of its weights and of what it does before them; says when features are stale.
        features: maps pictures, uint8 [batch, channels, height, width], to float32
            [batch, features], none negative (the last layer is rectified).
    """

    name: str
    digest: str
    features: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def with_features(
    prepared: Prepared, backbone: Backbone, folder: Path, batch: int = 64
) -> Prepared:
    """The same samples with features for pictures.

    Features become bytes: each is divided by its largest value in training, so that rounding
    moves it by at most 1/510 of that. A larger value in another split is cut to it. The origin says
    how large both errors are.

    Args:
        prepared: a data set of pictures and texts.
        backbone: computes the features.
        folder: keeps them; a split that an earlier call has finished is not computed again.
        batch: pictures in one call of the backbone.

    Raises:
        UserError: features that are negative, infinite or NaN, or a folder that cannot be written.
    """
    parts = prepared.schema.parts
    if parts is None:
        raise UserError(
            f"Source '{prepared.schema.name}' has no pictures and texts",
            "Frozen features need a source that has, such as textcaps or image_table.",
        )
    key = hashlib.sha256(f"{prepared.fingerprint} {backbone.digest}".encode()).hexdigest()[:16]
    found = {
        name: _features(split, parts, backbone, folder / key / f"{name}.npz", batch)
        for name, split in prepared.splits.items()
    }
    largest = found["train"].max(axis=0)
    # A feature that is zero throughout training says nothing anywhere.
    scale = np.where(largest > 0, largest, 1.0)
    new = ImageTextLayout(image=(found["train"].shape[1], 1, 1), text=parts.text)
    splits = {
        name: _packed(split, parts, new, _as_bytes(found[name] / scale))
        for name, split in prepared.splits.items()
    }
    schema = prepared.schema.model_copy(update={"parts": new, "shape": (1, 1, new.length)})
    origin = (
        f"{prepared.origin}; pictures as {new.pixels} features of {backbone.name}, "
        f"{_errors(found, scale)}"
    )
    return Prepared(schema, splits, origin)


def _features(
    split: Split, parts: ImageTextLayout, backbone: Backbone, path: Path, batch: int
) -> NDArray[np.float32]:
    """Features of a split's pictures, in order, from the file or computed into it."""
    places = np.flatnonzero(group_numbers(split.features) == VISUAL)
    kept = _kept(path)
    if kept is not None and len(kept) == len(places):
        return kept
    logger.info("Computing features of %d pictures", len(places))
    remove_partials(path.parent)
    pieces = []
    with progress(f"Features of {path.stem}", len(places)) as advance:
        for start in range(0, len(places), batch):
            chosen = places[start : start + batch]
            pieces.append(backbone.features(pictures(split.features[chosen], parts)))
            advance(len(chosen))
    features = np.concatenate(pieces)
    if not np.isfinite(features).all() or features.min() < 0:
        raise UserError(
            f"{backbone.name} gives features that are negative, infinite or NaN",
            "Use a backbone whose last layer is rectified, and intact weights.",
        )
    with atomic_file(path) as file:
        np.savez(file, features=features)
    return features


def _kept(path: Path) -> NDArray[np.float32] | None:
    """The features in a file; None where it is not there, or not as it was written."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            array: NDArray[np.float32] = archive["features"]
    except Exception:
        # Damaged headers make numpy raise nearly anything.
        logger.warning("%s is damaged", path)
        return None
    return array if array.ndim == 2 and array.dtype == np.float32 else None


def _as_bytes(shares: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.rint(shares.clip(0, 1) * SCALE).astype(np.uint8)


def _packed(
    split: Split, old: ImageTextLayout, new: ImageTextLayout, features: NDArray[np.uint8]
) -> Split:
    rows = np.zeros((len(split), 1, 1, new.length), dtype=np.uint8)
    rows[..., new.pixels :] = split.features[..., old.pixels :]
    rows[group_numbers(rows) == VISUAL, 0, 0, : new.pixels] = features
    return Split(rows, np.asarray(split.labels), split.groups)


def _errors(found: Mapping[str, NDArray[np.float32]], scale: NDArray[np.floating[Any]]) -> str:
    """What became of the features as bytes, in words."""
    train = found["train"]
    rounded = _as_bytes(train / scale) / SCALE * scale
    spread = train.std()
    error = float(np.sqrt(np.mean((rounded - train) ** 2)) / spread) if spread > 0 else 0.0
    cut = float(np.mean(found["test"] > scale))
    return f"rounded to bytes (rms error {error:.2g} of their sd; {cut:.2g} of test values cut)"
