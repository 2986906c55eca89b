"""Measurements on disk, each with the identity of what was measured and how.

A file is used only where its identity is the one that is asked for; else it is measured anew and
the file replaced. So scores stay with their trial until its weights or the metrics change.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.core.files import set_aside, write_atomically

logger = logging.getLogger(__name__)

Identity = Mapping[str, Any]
"""What a measurement depends on, in values that JSON knows."""

_IDENTITY, _DIGEST = "identity", "digest"


def load_values(path: Path, identity: Identity) -> Any | None:
    """Read what `save_values` wrote.

    Args:
        path: the file, which need not exist.
        identity: of what is wanted.

    Returns:
        The values; None where there are none of this identity. A damaged file is set aside with a
        warning.
    """
    try:
        content = _read(path)
        return content["values"] if content[_IDENTITY] == dict(identity) else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        _set_aside(path, error)
        return None


def kept_values(path: Path) -> Any | None:
    """Read the values of a file whatever they depend on; None where it was damaged or edited."""
    try:
        return _read(path)["values"]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save_values(path: Path, identity: Identity, values: Any) -> None:
    """Write values that JSON knows, to the last digit; what is not a number stays so.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()
    content = {_IDENTITY: dict(identity), "digest": digest, "values": values}
    write_atomically(path, json.dumps(content, indent=1).encode())


def load_arrays(path: Path, identity: Identity) -> dict[str, NDArray[Any]] | None:
    """Read what `save_arrays` wrote; as `load_values`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        own = json.loads(str(arrays.pop(_IDENTITY)))
        # Files of earlier versions have no digest.
        if _DIGEST in arrays and str(arrays.pop(_DIGEST)) != _digest(arrays):
            raise ValueError("its digest does not fit")
        return arrays if own == dict(identity) else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _set_aside(path, error)
        return None


def save_arrays(path: Path, identity: Identity, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    buffer = io.BytesIO()
    named: dict[str, Any] = {
        _IDENTITY: np.array(json.dumps(dict(identity))),
        _DIGEST: np.array(_digest(arrays)),
        **arrays,
    }
    np.savez(buffer, allow_pickle=False, **named)
    write_atomically(path, buffer.getvalue())


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> Any:
    content = json.loads(path.read_bytes())
    text = json.dumps(content["values"])
    if hashlib.sha256(text.encode()).hexdigest() != content["digest"]:
        raise ValueError("its digest does not fit")
    return content


def _set_aside(path: Path, error: Exception) -> None:
    aside = set_aside(path)
    logger.warning("%s is damaged (%s): set aside as %s, measured again", path, error, aside.name)
