"""Fetching a data set's official files: verified by digest, never half-written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.request import Request, urlopen

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_file, remove_partials
from latentlab.data.io.progress import progress

BLOCK = 1 << 16
TIMEOUT = 30.0
"""Seconds of silence after which a server is given up."""


@dataclass(frozen=True)
class Remote:
    """A file on the network.

    Attributes:
        name: its name in the raw folder.
        urls: where it can be had; the next is tried when one fails.
        md5: digest of the file as downloaded. It guards against damage, and the publishers give no
            stronger one.
    """

    name: str
    urls: tuple[str, ...]
    md5: str


class _NetworkError(Exception):
    """A download failed for a reason that another address may not share."""


def fetch(remotes: Sequence[Remote], folder: Path) -> None:
    """Download files into `folder`, which is created; each appears there whole or not at all.

    Raises:
        UserError: no network, another content than the digest says, or an unwritable folder.
    """
    remove_partials(folder)
    for remote in remotes:
        failures = []
        for url in remote.urls:
            try:
                _download(url, remote, folder)
                break
            except _NetworkError as error:
                failures.append(f"{url} ({error})")
        else:
            names = ", ".join(other.name for other in remotes)
            raise UserError(
                f"No download from {' nor '.join(failures)}",
                f"Check the network, or put by hand into {folder}: {names}.",
            )


def _download(url: str, remote: Remote, folder: Path) -> None:
    with atomic_file(folder / remote.name) as out:
        digest = _stream(url, remote.name, out)
        if digest != remote.md5:
            raise _NetworkError(f"md5 {digest} is not {remote.md5}")


def _stream(url: str, name: str, out: BinaryIO) -> str:
    """Copy what stands at `url` into `out`; returns its md5 (hex)."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        response = urlopen(Request(url, headers={"User-Agent": "latentlab"}), timeout=TIMEOUT)
    except (OSError, HTTPException) as error:
        raise _NetworkError(_reason(error)) from error
    with response:
        length = response.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        with progress(name, total, in_bytes=True) as advance:
            while True:
                # Only reading is guarded: a failure to write is the disk's, not the network's.
                try:
                    block = response.read(BLOCK)
                except (OSError, HTTPException) as error:
                    raise _NetworkError(_reason(error)) from error
                if not block:
                    return digest.hexdigest()
                digest.update(block)
                out.write(block)
                advance(len(block))


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason) or type(error).__name__
