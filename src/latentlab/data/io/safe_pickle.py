"""Reading pickles that hold plain numpy arrays, and nothing that could act.

A pickle is a program: it may name any function of any module and call it. The unpickler here knows
a handful of names, and refuses every other before anything is imported or called.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.errors import UserError

# numpy's own function to rebuild an array, obtained without importing a private module.
_RECONSTRUCT = np.empty(0).__reduce__()[0]

ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
} | {
    (module, kind.__name__): kind
    for module in ("builtins", "__builtin__")
    for kind in (bytes, str, list, dict, int)
}
"""The names a pickle may use, by module and name, and what they stand for."""


class _Refused(pickle.UnpicklingError):
    """The pickle names something that is not admitted."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The admitted object of that name; never an import."""
        try:
            return ADMITTED[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None


def read_array_pickle(path: Path, remedy: str) -> object:
    """Read a pickle of arrays, lists, dictionaries, strings and numbers.

    Args:
        path: the file. Strings that Python 2 wrote come back as bytes.
        remedy: what to do about a file that is refused or damaged.

    Raises:
        UserError: a file that cannot be read, is no whole pickle, or names a function or class
            that is not in `ADMITTED`.
    """
    try:
        return _Unpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except _Refused as error:
        raise UserError(
            f"{path} is refused: as a pickle it asks for '{error}', which a data file never needs "
            "and which could run code",
            remedy,
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}", remedy) from error
    except Exception as error:
        # Damaged opcodes can raise nearly anything, MemoryError included.
        raise UserError(f"{path} is no whole pickle ({type(error).__name__})", remedy) from error
