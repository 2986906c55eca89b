"""Shapes3D: 480,000 pictures of one solid each in a room, by all combinations of their factors.

C. Burgess, H. Kim (2018), 3D shapes dataset, with Kim & Mnih 2018, "Disentangling by factorising".
Licence: Apache 2.0. The file is read where the user has put it, some of its pictures are taken, and
they are made smaller. Reading it needs h5py, the extra `hdf5`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.copies import hold_out
from latentlab.data.factors import FEWEST, class_names, put_together, rows_of_each
from latentlab.data.prepared import CHUNK_BYTES, Prepared, Schema
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import subset

FILE = "3dshapes.h5"
NAMES = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
UNORDERED = ("shape",)


class Shapes3dConfig(SourceConfig):
    """Settings of Shapes3D."""

    repeats: int = Field(
        default=16,
        ge=FEWEST,
        le=1250,
        description="pictures of each of 384 combinations of factors, in all splits",
    )
    image_size: Literal[16, 32, 64] = Field(
        default=32, description="side of the pictures, pixels: means of squares of the file's 64"
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="decides pictures and split")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="share of the pictures that is held out"
    )


def read_shapes3d(config: Shapes3dConfig, folder: Path) -> Prepared:
    """Take as many pictures of each combination of factors.

    Args:
        config: settings.
        folder: holds the file.

    Returns:
        uint8 [n, 3, size, size], labelled by the combination of factors.

    Raises:
        UserError: no file, one that cannot be read, too few pictures of a combination, or no h5py.
    """
    path = folder / FILE
    if not path.exists():
        raise UserError(
            f"{folder} has no file {FILE}",
            "Put it there; github.com/google-deepmind/3d-shapes says where it is.",
        )
    try:
        import h5py
    except ImportError as error:
        raise UserError(
            f"{path} is an HDF5 file, which needs a package that is not installed",
            'pip install -e ".[hdf5]"',
        ) from error
    rng = np.random.Generator(np.random.PCG64(config.seed))
    try:
        with h5py.File(path, "r") as file:
            images = file["images"]
            values = _places(file["labels"][:])
            if images.dtype != np.uint8 or images.shape != (len(values), 64, 64, 3):
                raise ValueError(f"images has {images.dtype} of shape {images.shape}")
            factors, labels = put_together(values, NAMES, UNORDERED)
            chosen = rows_of_each(labels, config.repeats, rng, path)
            features = _pictures(images, chosen, config.image_size)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path} is truncated or not the file of Shapes3D: {error}", "Fetch it again."
        ) from error
    schema = Schema(
        name="shapes3d",
        shape=features.shape[1:],
        dtype="uint8",
        scale=255.0,
        classes=class_names(factors),
        factors=factors,
    )
    splits = hold_out(features, labels[chosen], config.test_fraction, config.seed)
    origin = (
        f"Shapes3D (Burgess & Kim 2018; Apache 2.0), {config.repeats} pictures of each combination "
        f"at {config.image_size}x{config.image_size}, seed {config.seed}"
        f"{subset_note(config.subset)}"
    )
    return Prepared(schema, subset(splits, config.subset), origin)


def _places(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of each label (a hue, an angle) among those of its factor, [n, factors]."""
    if labels.ndim != 2 or labels.shape[1] != len(NAMES):
        raise ValueError(f"labels has shape {labels.shape}")
    return np.stack([np.unique(column, return_inverse=True)[1] for column in labels.T], axis=1)


def _pictures(images: Any, chosen: NDArray[np.intp], size: int) -> NDArray[np.uint8]:
    """Return some of the file's pictures, channels first and made smaller, [n, 3, size, size].

    The file is packed in pieces: those that are read as slices are unpacked once, and in order.
    """
    count, side, _, channels = images.shape
    at_once = max(1, CHUNK_BYTES // (side * side * channels))
    square = side // size
    found = []
    for start in range(0, count, at_once):
        own = chosen[(chosen >= start) & (chosen < start + at_once)] - start
        if not len(own):
            continue
        rows = images[start : start + at_once][own]
        squares = rows.reshape(len(own), size, square, size, square, channels)
        means = np.rint(squares.mean(axis=(2, 4), dtype=np.float64)).astype(np.uint8)
        found.append(means.transpose(0, 3, 1, 2))
    return np.concatenate(found)


SHAPES3D = Source("shapes3d", Shapes3dConfig, read_shapes3d)
