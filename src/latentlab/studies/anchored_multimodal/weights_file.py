"""Which file of pretrained weights a configuration means, down to its content.

A trial's identity is a hash of its configuration. There, a name of weights is followed by a digest
of their file, `weights/resnet18.pth#0f1e2d3c4b5a6978`, so that other weights make another trial.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from latentlab.core.errors import UserError

EMBEDDED = "embedded"
"""Names the weights that come with the package; `pretrain_embedded` has made them."""
SHIPPED = Path(__file__).with_name("embedded.safetensors")
_PINNED = re.compile(r".+#[0-9a-f]{16}")


def pinned(name: str) -> str:
    """`name` with the digest of what its file holds now; a name that has one is left as it is.

    Args:
        name: `embedded`, or a file: relative to where the program runs, or absolute.

    Raises:
        UserError: no such file, or it cannot be read.
    """
    return name if _PINNED.fullmatch(name) else f"{name}#{_digest(_content(name))}"


def pinned_content(name: str) -> tuple[Path, bytes]:
    """The file that a pinned name means, and what it holds.

    Raises:
        UserError: no such file, it cannot be read, or it no longer holds what was pinned.
    """
    plain, _, digest = pinned(name).rpartition("#")
    content = _content(plain)
    if _digest(content) != digest:
        raise UserError(
            f"{plain} no longer holds the weights of {name}",
            f"Write `{plain}` alone to use those that it holds now.",
        )
    return _path(plain), content


def _path(name: str) -> Path:
    return SHIPPED if name == EMBEDDED else Path(name)


def _content(name: str) -> bytes:
    try:
        return _path(name).read_bytes()
    except OSError as error:
        raise UserError(
            f"{_path(name)} cannot be read: {error.strerror or error}",
            f"Name a file of weights, or {EMBEDDED}.",
        ) from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
