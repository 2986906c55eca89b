"""Whether files are those whose digests were published: only then are their splits official."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from pathlib import Path

logger = logging.getLogger(__name__)

_ALGORITHMS = {32: "md5", 40: "sha1"}
"""By the digest's length. They guard against mix-ups, and the publishers give no stronger ones."""


def has_digest(content: bytes, published: str | None) -> bool:
    """Whether a file's content has the md5 or sha1 (hex) that was published, if one was."""
    if published is None:
        return False
    algorithm = _ALGORITHMS[len(published)]
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() == published


def splits_origin(citation: str, folder: Path, others: Collection[str]) -> str:
    """The beginning of an origin line, which calls splits official only where they are.

    Args:
        citation: of the data set whose layout was read.
        folder: where its files lie, for a warning.
        others: names of those files whose digest is not the published one. A person's own variant
            is as good a data set, but it is not that one.
    """
    if not others:
        return f"{citation}, official splits"
    logger.warning(
        "%s: not known to be official files of %s: %s", folder, citation, ", ".join(others)
    )
    return (
        f"Files in the layout of {citation}, not known to be the official ones "
        f"({', '.join(others)}); splits as in these files"
    )
