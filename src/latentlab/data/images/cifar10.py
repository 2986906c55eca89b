"""CIFAR-10: 60,000 colour images 32x32 of ten kinds of objects.

A. Krizhevsky (2009), Learning multiple layers of features from tiny images. Both official layouts
are read; they hold the same bytes in different wrapping.

```
cifar-10-batches-bin/data_batch_{1..5}.bin, test_batch.bin   records of 1 label + 3072 pixel bytes
cifar-10-batches-py/data_batch_{1..5}, test_batch            pickled {data: [n, 3072], labels: [n]}
```
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_folder, remove_partials
from latentlab.data.io.bounded_gzip import BoundedGzip
from latentlab.data.io.download import Remote, fetch
from latentlab.data.io.official import has_digest, splits_origin
from latentlab.data.io.safe_pickle import read_array_pickle
from latentlab.data.prepared import Prepared, Schema, Split
from latentlab.data.source import DownloadConfig, Source, subset_note
from latentlab.data.splitting import subset

CITATION = "CIFAR-10 (Krizhevsky 2009)"
SHAPE = (3, 32, 32)
PIXEL_BYTES = 3 * 32 * 32
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
ARCHIVES = {BIN_FOLDER: BIN_ARCHIVE.name, PY_FOLDER: "cifar-10-python.tar.gz"}
"""Per layout the official archive."""
LARGEST = 1 << 28
"""Bytes that an archive may hold; the larger official one has 186 million."""

DIGESTS = {
    "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""Of the official batches in both layouts, as MXNet (sha1) and torchvision (md5) publish them."""


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
        names = " nor ".join((*ARCHIVES, *ARCHIVES.values()))
        raise UserError(f"{folder} has neither {names}", _remedy(folder))
    unofficial: list[str] = []
    splits = {split: _read_split(layout, split, unofficial, _remedy(folder)) for split in BATCHES}
    origin = splits_origin(CITATION, layout, unofficial) + subset_note(config.subset)
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
    for layout, name in ARCHIVES.items():
        if (folder / name).is_file():
            return _unpack(folder / name, folder / layout)
    return None


def _unpack(archive: Path, layout: Path) -> Path:
    """Unpack `archive`; `layout` appears whole or not at all."""
    remedy = _remedy(archive.parent)
    remove_partials(archive.parent)
    try:
        with atomic_folder(layout, marker="batches.meta") as partial:
            # As a stream, which is never longer than it may be, headers included.
            with (
                BoundedGzip(archive, LARGEST, remedy) as stream,
                tarfile.open(fileobj=stream, mode="r|") as tar,
            ):
                tar.extractall(partial, filter="data")
            inner = partial / layout.name
            if not inner.is_dir():
                raise UserError(f"{archive} holds no folder {layout.name}", remedy)
            for path in inner.iterdir():
                path.rename(partial / path.name)
            inner.rmdir()
    except tarfile.TarError as error:
        what = "damaged, truncated or not to be trusted"
        raise UserError(f"{archive} is {what} ({type(error).__name__}: {error})", remedy) from error
    return layout


def _read_split(layout: Path, split: str, unofficial: list[str], remedy: str) -> Split:
    batches = [_read_batch(layout, name, unofficial, remedy) for name in BATCHES[split]]
    features = np.concatenate([batch.features for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    return Split(features, labels)


def _read_batch(layout: Path, name: str, unofficial: list[str], remedy: str) -> Split:
    """The examples of one file, whose name is added to `unofficial` if its digest says so."""
    for path, read in ((layout / f"{name}.bin", _read_records), (layout / name, _read_pickle)):
        if path.is_file():
            try:
                content = path.read_bytes()
            except OSError as error:
                what = f"{path} cannot be read: {error.strerror or error}"
                raise UserError(what, remedy) from error
            if not has_digest(content, DIGESTS[path.name]):
                unofficial.append(path.name)
            return read(content, path, remedy)
    raise UserError(f"{layout} lacks the file {name}", remedy)


def _read_records(file: bytes, path: Path, remedy: str) -> Split:
    content = np.frombuffer(file, dtype=np.uint8)
    if len(content) == 0 or len(content) % (1 + PIXEL_BYTES):
        size = f"{len(content)} bytes are no whole number of {1 + PIXEL_BYTES}-byte records"
        raise UserError(f"{path} is truncated: {size}", remedy)
    records = content.reshape(-1, 1 + PIXEL_BYTES)
    return Split(records[:, 1:].reshape(-1, *SHAPE), records[:, 0].astype(np.int64))


def _read_pickle(file: bytes, path: Path, remedy: str) -> Split:
    batch = read_array_pickle(file, path, remedy)
    if not isinstance(batch, dict):
        raise UserError(f"{path} holds no dictionary of data and labels", remedy)
    data, labels = batch.get(b"data"), batch.get(b"labels")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        raise UserError(f"{path} holds no array of bytes under 'data'", remedy)
    if data.shape[1] != PIXEL_BYTES:
        what = f"images of {data.shape[1]} bytes, not {PIXEL_BYTES}"
        raise UserError(f"{path} holds {what}", remedy)
    if not isinstance(labels, list) or not all(map(_is_class, labels)):
        raise UserError(f"{path} holds no list of numbers 0..9 under 'labels'", remedy)
    if len(data) != len(labels):
        raise UserError(f"{path} has {len(labels)} labels for {len(data)} images", remedy)
    return Split(data.reshape(-1, *SHAPE), np.array(labels, dtype=np.int64))


def _is_class(label: object) -> bool:
    return type(label) is int and 0 <= label < len(CLASSES)


CIFAR10 = Source("cifar10", Cifar10Config, read_cifar10)
