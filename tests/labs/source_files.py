"""Small data sets in the official formats, written by the tests themselves."""

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Real data sets, where the machine has them."""


def idx_bytes(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_arrays(train=60, test=20, seed=0):
    rng = np.random.default_rng(seed)
    return {
        f"{prefix}-{kind}": array
        for prefix, n in (("train", train), ("t10k", test))
        for kind, array in (
            ("images-idx3-ubyte", rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)),
            ("labels-idx1-ubyte", (np.arange(n) % 10).astype(np.uint8)),
        )
    }


def write_idx(folder, arrays, packed=True, dotted=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        stem = name.replace("-idx", ".idx") if dotted else name
        content = idx_bytes(array)
        if packed:
            (folder / f"{stem}.gz").write_bytes(gzip.compress(content, 1))
        else:
            (folder / stem).write_bytes(content)


def cifar_arrays(per_batch=20, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: (
            rng.integers(0, 256, (per_batch, 3072), dtype=np.uint8),
            (np.arange(per_batch) % 10).astype(np.uint8),
        )
        for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")
    }


def write_cifar_bin(folder, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (data, labels) in arrays.items():
        (folder / f"{name}.bin").write_bytes(np.hstack([labels[:, None], data]).tobytes())


class Python2Pickler(pickle._Pickler):
    """Writes strings the way Python 2 did, in which the official files were made."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        content = value.encode("latin-1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = save_string


def python2_pickle(value):
    out = io.BytesIO()
    Python2Pickler(out, protocol=2).dump(value)
    # The module had this name when the files were made.
    return out.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def write_cifar_py(folder, arrays, dump=python2_pickle):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (data, labels) in arrays.items():
        batch = {b"data": data, b"labels": [int(label) for label in labels], b"batch_label": b"x"}
        (folder / name).write_bytes(dump(batch))


def pack(folder, archive):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)


def jpeg_bytes(seed, size=(178, 218)):
    rng = np.random.default_rng(seed)
    # A smooth picture: noise would make JPEG's losses dominate every comparison.
    coarse = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


ATTRIBUTES = ("Bald", "Eyeglasses", "Male", "Mouth_Slightly_Open", "Smiling", "Young")


def write_celeba(folder, train=24, validation=8, test=8):
    """The official files; image k has attribute j when k // (j + 1) is odd."""
    images = folder / "img_align_celeba"
    images.mkdir(parents=True)
    count = train + validation + test
    lines, partition = [str(count), " ".join(ATTRIBUTES) + " "], []
    for k in range(count):
        name = f"{k + 1:06d}.jpg"
        (images / name).write_bytes(jpeg_bytes(k))
        values = (" 1" if k // (j + 1) % 2 else "-1" for j in range(len(ATTRIBUTES)))
        lines.append(f"{name} {' '.join(values)}")
        partition.append(f"{name} {0 if k < train else 1 if k < train + validation else 2}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
