"""Gzip files that may not hold more than their format does: few bytes can unpack to many."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from latentlab.core.errors import UserError

MAGIC = b"\x1f\x8b"


class BoundedGzip(gzip.GzipFile):
    """The content of a gzip file, to be read in blocks.

    Args:
        path: the file.
        largest: bytes that it may hold.
        remedy: what to do about a file that is damaged or holds more.
    """

    def __init__(self, path: Path, largest: int, remedy: str) -> None:
        super().__init__(path, "rb")
        self._path, self._largest, self._remedy = path, largest, remedy
        self._seen = 0

    def read(self, size: int | None = -1) -> bytes:
        """The next `size` bytes.

        Raises:
            UserError: a truncated or damaged file, or more bytes than it may hold.
        """
        try:
            block = super().read(size)
        except EOFError as error:
            raise UserError(f"{self._path} is a truncated gzip file", self._remedy) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UserError(f"{self._path} is a damaged gzip file", self._remedy) from error
        self._seen += len(block)
        if self._seen > self._largest:
            more = f"unpacks to more than {self._largest} bytes, which no such file has"
            raise UserError(f"{self._path} {more}", self._remedy)
        return block
