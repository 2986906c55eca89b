"""Data sets of MNIST's form: four idx files with 28x28 grey images and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.data.io.download import Remote, fetch
from latentlab.data.io.idx import parse_idx, read_unpacked
from latentlab.data.io.official import has_digest, splits_origin
from latentlab.data.prepared import Prepared, Schema, Split
from latentlab.data.source import DownloadConfig, subset_note
from latentlab.data.splitting import subset

SIDE = 28
SPLIT_PREFIX = {"train": "train", "test": "t10k"}
FILE_NAMES = tuple(
    f"{prefix}-{kind}-ubyte"
    for prefix in SPLIT_PREFIX.values()
    for kind in ("images-idx3", "labels-idx1")
)
"""The four official names, without `.gz`: images and labels for training, then for test."""


@dataclass(frozen=True)
class IdxDataset:
    """One data set of the family.

    Attributes:
        name: name of the source.
        classes: names of the ten classes.
        citation: first part of the origin line.
        addresses: folders on the network that hold the `.gz` files.
        packed_md5: digest of each `.gz` file as published.
        unpacked_md5: digest of each unpacked file; empty where the publisher's are not known.
    """

    name: str
    classes: tuple[str, ...]
    citation: str
    addresses: tuple[str, ...]
    packed_md5: dict[str, str]
    unpacked_md5: dict[str, str]

    def read(self, config: DownloadConfig, folder: Path) -> Prepared:
        """Read the four files, downloading those that are missing if the config allows it.

        Args:
            config: settings.
            folder: holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the two of
                `t10k`, raw or `.gz`; `train-images.idx3-ubyte` and the like are found too.

        Returns:
            uint8 images [n, 1, 28, 28] in 0..255.

        Raises:
            UserError: a missing, truncated or damaged file; unlike numbers of images and labels;
                images of another size; no network.
        """
        missing = [name for name in FILE_NAMES if _locate(folder, name) is None]
        if missing and not config.download:
            names = ", ".join(f"{name}.gz" for name in missing)
            raise UserError(f"{folder} lacks {names}", self._remedy(folder))
        fetch([self._remote(name) for name in missing], folder)
        unofficial: list[str] = []
        splits = {split: self._read_split(folder, split, unofficial) for split in SPLIT_PREFIX}
        schema = Schema(
            name=self.name,
            shape=(1, SIDE, SIDE),
            dtype="uint8",
            scale=255.0,
            classes=self.classes,
        )
        origin = splits_origin(self.citation, folder, unofficial) + subset_note(config.subset)
        return Prepared(schema, subset(splits, config.subset), origin)

    def _read_split(self, folder: Path, split: str, unofficial: list[str]) -> Split:
        prefix = SPLIT_PREFIX[split]
        images = self._read_array(folder, f"{prefix}-images-idx3-ubyte", 3, unofficial)
        labels = self._read_array(folder, f"{prefix}-labels-idx1-ubyte", 1, unofficial)
        if len(images) != len(labels):
            raise UserError(
                f"{_locate(folder, f'{prefix}-labels-idx1-ubyte')} has {len(labels)} labels for "
                f"{len(images)} images",
                self._remedy(folder),
            )
        if images.shape[1:] != (SIDE, SIDE):
            raise UserError(
                f"{_locate(folder, f'{prefix}-images-idx3-ubyte')} has images of size "
                f"{images.shape[1]}x{images.shape[2]}, not {SIDE}x{SIDE}",
                self._remedy(folder),
            )
        return Split(images[:, None], labels.astype(np.int64))

    def _read_array(
        self, folder: Path, name: str, ndim: int, unofficial: list[str]
    ) -> NDArray[np.uint8]:
        """The array of one file, whose name is added to `unofficial` if its digest says so."""
        path, remedy = _locate(folder, name) or folder / name, self._remedy(folder)
        content = read_unpacked(path, remedy)
        array = parse_idx(content, ndim, path, remedy)
        unpacked, packed = self.unpacked_md5.get(name), self.packed_md5[name]
        if not has_digest(content, unpacked) and not has_digest(path.read_bytes(), packed):
            unofficial.append(path.name)
        return array

    def _remote(self, name: str) -> Remote:
        file = f"{name}.gz"
        return Remote(file, tuple(a + file for a in self.addresses), self.packed_md5[name])

    def _remedy(self, folder: Path) -> str:
        return (
            f"Get the official files from {self.addresses[0]} and put them into {folder}, "
            "or remove the damaged ones and set `download: true`."
        )


def _locate(folder: Path, name: str) -> Path | None:
    """The file called `name`, with `-` or `.` before `idx`, raw or gzip; None if there is none."""
    for stem in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            # Some archives unpack to a folder of the file's name, so existence is not enough.
            if (path := folder / f"{stem}{suffix}").is_file():
                return path
    return None
