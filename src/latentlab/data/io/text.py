"""Reading text files of other people."""

from __future__ import annotations

from pathlib import Path

from latentlab.core.errors import UserError


def read_utf8(path: Path, remedy: str) -> str:
    """A text file's content, without a mark of its encoding.

    Raises:
        UserError: it cannot be read, or is not UTF-8; names the first such byte and its line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}", remedy) from error
    except ValueError as error:
        raise UserError(f"{str(path)!r} is no name of a file: {error}", remedy) from error
    return decode_utf8(content, path)


def decode_utf8(content: bytes, path: Path) -> str:
    """The text of a file's or an archive member's content.

    Raises:
        UserError: it is not UTF-8; names the first such byte and its line.
    """
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path} is not UTF-8 at byte {error.start}, line {line}", "Save it as UTF-8."
        ) from error
