"""Imports runs from JSON: a list of records, or a record a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.runs.importers.cell_text import frame_of_records
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.importers.tables import TABLE_SETTINGS, Cells, found_in

_LINES = (".jsonl", ".ndjson")


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file: a list of them, one, or one a line.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Correct the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8", "Save it in UTF-8") from error
    try:
        content = _content(text, path.suffix.lower() in _LINES)
    except RecursionError as error:
        raise UserError(
            f"{path} is nested too deep to be runs", "Give a list of records"
        ) from error
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}: {error.msg} in line {error.lineno}",
            "Give a list of records, or a record a line: "
            '{"model": "a", "seed": 0, "test_acc": 0.9}',
        ) from error
    except ValueError as error:
        # Python reads no longer ones.
        raise UserError(
            f"{path}: a whole number in it has thousands of digits",
            "Put it in quotes if it is text, or leave it out",
        ) from error
    records = content if isinstance(content, list) else [content]
    wrong = [k for k, one in enumerate(records, start=1) if not isinstance(one, dict)]
    if wrong or not records:
        what = f"record {wrong[0]} is no object" if wrong else "there are no records in it"
        raise UserError(
            f"{path}: {what}", 'Give records such as {"model": "a", "seed": 0, "test_acc": 0.9}'
        )
    return records


def _content(text: str, lines: bool) -> Any:
    """Return what a text holds: one value, or values a line where that is said or nothing else.

    Raises:
        ValueError: it is no JSON, or a number in it is too long.
    """
    if lines:
        return _lines(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        try:
            return _lines(text)
        except json.JSONDecodeError:
            raise error from None


def _lines(text: str) -> list[Any]:
    """Return a value a line.

    Raises:
        JSONDecodeError: with the line of the file.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError as error:
                begin = "\n" * (number - 1)
                raise json.JSONDecodeError(error.msg, begin + line, len(begin)) from error
    return found


def _place_of(source: str, path: Path) -> str | None:
    return str(path) if path.suffix.lower() in (".json", *_LINES) else None


def _found(place: str, asked: Asked) -> Found:
    path = Path(place)
    return found_in(Cells(path.stem, str(path), frame_of_records(read_records(path))), asked)


IMPORTER = Importer("a file of JSON records", TABLE_SETTINGS, _place_of, _found)
