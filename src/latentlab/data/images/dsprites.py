"""dSprites: 737,280 pictures of one shape each, by all combinations of their factors.

L. Matthey, I. Higgins, D. Hassabis, A. Lerchner (2017), dSprites: disentanglement testing sprites
dataset. Licence: zlib. The file is read where the user has put it; of its pictures some are taken,
and of each factor neighbouring values are one, so that a combination has several pictures.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.copies import hold_out
from latentlab.data.factors import FEWEST, class_names, put_together, rows_of_each
from latentlab.data.prepared import CHUNK_BYTES, Prepared, Schema
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import subset

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
NAMES = ("colour", "shape", "scale", "orientation", "x", "y")
UNORDERED = ("colour", "shape")


class DspritesConfig(SourceConfig):
    """Settings of dSprites."""

    repeats: int = Field(
        default=16,
        ge=FEWEST,
        le=1280,
        description="pictures of each of 576 combinations of factors, in all splits",
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="decides pictures and split")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="share of the pictures that is held out"
    )


def read_dsprites(config: DspritesConfig, folder: Path) -> Prepared:
    """Take as many pictures of each combination of factors.

    Args:
        config: settings.
        folder: holds the file.

    Returns:
        uint8 [n, 1, height, width] of 0 and 255, labelled by the combination of factors.

    Raises:
        UserError: no file, one that cannot be read, or too few pictures of a combination.
    """
    path = folder / FILE
    if not path.exists():
        raise UserError(
            f"{folder} has no file {FILE}",
            "Put it there; it is in github.com/google-deepmind/dsprites-dataset.",
        )
    rng = np.random.Generator(np.random.PCG64(config.seed))
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open("latents_classes.npy") as member:
                values = np.lib.format.read_array(member, allow_pickle=False)
            if values.ndim != 2 or values.shape[1] != len(NAMES):
                raise ValueError(f"latents_classes has shape {values.shape}")
            factors, labels = put_together(values.astype(np.int64), NAMES, UNORDERED)
            chosen = rows_of_each(labels, config.repeats, rng, path)
            with archive.open("imgs.npy") as member:
                images = _rows(member, chosen)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} is truncated or not the file of dSprites: {error}", "Fetch it again."
        ) from error
    features = 255 * (images[:, None] > 0).astype(np.uint8)
    schema = Schema(
        name="dsprites",
        shape=features.shape[1:],
        dtype="uint8",
        scale=255.0,
        classes=class_names(factors),
        factors=factors,
    )
    splits = hold_out(features, labels[chosen], config.test_fraction, config.seed)
    origin = (
        f"dSprites (Matthey et al. 2017; zlib), {config.repeats} pictures of each combination, "
        f"seed {config.seed}{subset_note(config.subset)}"
    )
    return Prepared(schema, subset(splits, config.subset), origin)


def _rows(member: IO[bytes], chosen: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return some rows of a stored uint8 array, which is never in memory as a whole."""
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, by_column, dtype = read(member)
    if by_column or dtype != np.uint8 or len(shape) != 3:
        raise ValueError(f"imgs has {dtype} of shape {shape}")
    size = shape[1] * shape[2]
    at_once = max(1, CHUNK_BYTES // size)
    found = []
    for start in range(0, shape[0], at_once):
        count = min(at_once, shape[0] - start)
        content = member.read(count * size)
        rows = np.frombuffer(content, dtype=np.uint8).reshape(count, *shape[1:])
        found.append(rows[chosen[(chosen >= start) & (chosen < start + count)] - start])
    return np.concatenate(found)


DSPRITES = Source("dsprites", DspritesConfig, read_dsprites)
