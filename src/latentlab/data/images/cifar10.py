"""CIFAR-10: 60,000 colour images 32x32 of ten kinds of objects.

A. Krizhevsky (2009), Learning multiple layers of features from tiny images. Both official layouts
are read; they hold the same bytes in different wrapping.

```
cifar-10-batches-bin/data_batch_{1..5}.bin, test_batch.bin   records of 1 label + 3072 pixel bytes
cifar-10-batches-py/data_batch_{1..5}, test_batch            pickled {data: [n, 3072], labels: [n]}
```
"""

from __future__ import annotations

import logging
import tarfile
import zlib
from pathlib import Path

import numpy as np

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_folder
from latentlab.data.io.download import Remote, fetch, file_md5
from latentlab.data.io.safe_pickle import read_array_pickle
from latentlab.data.prepared import Prepared, Schema, Split
from latentlab.data.source import DownloadConfig, Source, subset_note
from latentlab.data.splitting import subset

logger = logging.getLogger(__name__)

SHAPE = (3, 32, 32)
PIXEL_BYTES = 3 * 32 * 32
BATCH_EXAMPLES = 10_000
BATCHES = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
SCHEMA = Schema(name="cifar10", shape=SHAPE, dtype="uint8", scale=255.0, classes=CLASSES)

BIN_FOLDER, PY_FOLDER = "cifar-10-batches-bin", "cifar-10-batches-py"
BIN_ARCHIVE = Remote(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    "c32a1d4ab5d03f1284b67883e8d87530",
)
ARCHIVES = {
    BIN_FOLDER: (BIN_ARCHIVE.name, BIN_ARCHIVE.md5),
    PY_FOLDER: ("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
}
"""Per layout the official archive and its md5."""


class Cifar10Config(DownloadConfig):
    """Settings of the CIFAR-10 source."""


def read_cifar10(config: Cifar10Config, folder: Path) -> Prepared:
    """Read the official splits, from whichever layout is there.

    Args:
        config: settings.
        folder: holds one of the two layouts, as a folder or as its `.tar.gz`, which is then
            unpacked there. An empty folder is filled by download (162 MB).

    Returns:
        uint8 images [n, 3, 32, 32] in 0..255, channels red, green, blue.

    Raises:
        UserError: a missing, truncated, damaged or refused file; no network; an unwritable folder.
    """
    layout = _find_layout(folder) or _unpack_any(folder)
    if layout is None and config.download:
        fetch([BIN_ARCHIVE], folder)
        layout = _unpack_any(folder)
    if layout is None:
        names = " nor ".join((*ARCHIVES, *(name for name, _ in ARCHIVES.values())))
        raise UserError(f"{folder} has neither {names}", _remedy(folder))
    splits = {split: _read_split(layout, split, _remedy(folder)) for split in BATCHES}
    origin = f"CIFAR-10 (Krizhevsky 2009), official splits{subset_note(config.subset)}"
    return Prepared(SCHEMA, subset(splits, config.subset), origin)


def _remedy(folder: Path) -> str:
    return (
        f"Put {BIN_ARCHIVE.name} from {BIN_ARCHIVE.urls[0]} into {folder}, or remove what is "
        "damaged there and set `download: true`."
    )


def _find_layout(folder: Path) -> Path | None:
    """The folder that holds the batches: one of the two layouts', or `folder` itself."""
    for layout in (folder / BIN_FOLDER, folder / PY_FOLDER):
        if layout.is_dir():
            return layout
    flat = any((folder / f"data_batch_1{suffix}").is_file() for suffix in (".bin", ""))
    return folder if flat else None


def _unpack_any(folder: Path) -> Path | None:
    """Unpack the first official archive in `folder`; None when there is none."""
    for layout, (name, md5) in ARCHIVES.items():
        archive = folder / name
        if archive.is_file():
            if file_md5(archive) != md5:
                logger.warning("%s is not the official archive (its md5 differs)", archive)
            return _unpack(archive, folder / layout)
    return None


def _unpack(archive: Path, layout: Path) -> Path:
    """Unpack `archive`; `layout` appears whole or not at all."""
    remedy = _remedy(archive.parent)
    try:
        with atomic_folder(layout, marker="batches.meta") as partial:
            with tarfile.open(archive) as tar:
                tar.extractall(partial, filter="data")
            inner = partial / layout.name
            if not inner.is_dir():
                raise UserError(f"{archive} holds no folder {layout.name}", remedy)
            for path in inner.iterdir():
                path.rename(partial / path.name)
            inner.rmdir()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        what = "damaged, truncated or not to be trusted"
        raise UserError(f"{archive} is {what} ({type(error).__name__}: {error})", remedy) from error
    return layout


def _read_split(layout: Path, split: str, remedy: str) -> Split:
    batches = [_read_batch(layout, name, remedy) for name in BATCHES[split]]
    features = np.concatenate([batch.features for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    official = BATCH_EXAMPLES * len(batches)
    if len(labels) != official:
        where = f"{layout}: split '{split}'"
        logger.warning("%s has %d examples, the official %d", where, len(labels), official)
    return Split(features, labels)


def _read_batch(layout: Path, name: str, remedy: str) -> Split:
    for path, read in ((layout / f"{name}.bin", _read_records), (layout / name, _read_pickle)):
        if path.is_file():
            return read(path, remedy)
    raise UserError(f"{layout} lacks the file {name}", remedy)


def _read_records(path: Path, remedy: str) -> Split:
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}", remedy) from error
    if len(content) == 0 or len(content) % (1 + PIXEL_BYTES):
        size = f"{len(content)} bytes are no whole number of {1 + PIXEL_BYTES}-byte records"
        raise UserError(f"{path} is truncated: {size}", remedy)
    records = content.reshape(-1, 1 + PIXEL_BYTES)
    return Split(records[:, 1:].reshape(-1, *SHAPE), records[:, 0].astype(np.int64))


def _read_pickle(path: Path, remedy: str) -> Split:
    batch = read_array_pickle(path, remedy)
    if not isinstance(batch, dict):
        raise UserError(f"{path} holds no dictionary of data and labels", remedy)
    data, labels = batch.get(b"data"), batch.get(b"labels")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        raise UserError(f"{path} holds no array of bytes under 'data'", remedy)
    if data.shape[1] != PIXEL_BYTES:
        what = f"images of {data.shape[1]} bytes, not {PIXEL_BYTES}"
        raise UserError(f"{path} holds {what}", remedy)
    if not isinstance(labels, list) or not all(label in range(len(CLASSES)) for label in labels):
        raise UserError(f"{path} holds no list of numbers 0..9 under 'labels'", remedy)
    if len(data) != len(labels):
        raise UserError(f"{path} has {len(labels)} labels for {len(data)} images", remedy)
    return Split(data.reshape(-1, *SHAPE), np.array(labels, dtype=np.int64))


CIFAR10 = Source("cifar10", Cifar10Config, read_cifar10)
