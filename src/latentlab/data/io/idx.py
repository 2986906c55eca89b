"""The idx format of the MNIST family: a big-endian header, then the bytes of one array.

```
0x00 0x00 type ndim   size of axis 0 (uint32) ... size of axis ndim-1   data, row-major
```
Type 0x08 is unsigned byte, the only one the family uses. Files come raw or compressed by gzip;
which of the two is read from their first bytes, as names are unreliable.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.data.io.bounded_gzip import MAGIC, BoundedGzip

UNSIGNED_BYTE = 0x08
LARGEST = 1 << 30
"""Bytes that a compressed file may hold, enough for 1.3 million images 28x28."""
_BLOCK = 1 << 20


def read_unpacked(path: Path, remedy: str) -> bytes:
    """The content of a file, decompressed when it is gzip.

    Raises:
        UserError: a file that cannot be read, a truncated or damaged gzip stream, or one that holds
            more than `LARGEST` bytes.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return path.read_bytes()
        with BoundedGzip(path, LARGEST, remedy) as packed:
            return b"".join(iter(lambda: packed.read(_BLOCK), b""))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}", remedy) from error


def parse_idx(content: bytes, ndim: int, path: Path, remedy: str) -> NDArray[np.uint8]:
    """The array in an unpacked idx file.

    Args:
        content: the whole file.
        ndim: number of axes it must have: 3 for images [n, height, width], 1 for labels [n].
        path: named in errors.
        remedy: what to do about a damaged file.

    Returns:
        A read-only view of `content`.

    Raises:
        UserError: another magic number, or more or less data than the header says.
    """
    magic, expected = content[:4], bytes((0, 0, UNSIGNED_BYTE, ndim))
    if magic != expected:
        found = f"0x{magic.hex()}" if magic else "nothing"
        raise UserError(
            f"{path} is no idx file of {ndim}-d bytes: it starts with {found}, "
            f"not 0x{expected.hex()}",
            remedy,
        )
    start = 4 + 4 * ndim
    if len(content) < start:
        raise UserError(f"{path} is truncated within its header", remedy)
    shape = struct.unpack(f">{ndim}I", content[4:start])
    needed, found_bytes = math.prod(shape), len(content) - start
    if found_bytes != needed:
        what = "is truncated" if found_bytes < needed else "is too long"
        sizes = f"{found_bytes} bytes of data where its header promises {needed}"
        raise UserError(f"{path} {what}: {sizes}", remedy)
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
