"""Imports runs from Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.importers.cell_text import cell_text
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.importers.tables import TABLE_SETTINGS, Cells, found_in

_ENDINGS = (".parquet", ".pq")


def _place_of(source: str, path: Path) -> str | None:
    return str(path) if path.suffix.lower() in _ENDINGS else None


def _found(place: str, asked: Asked) -> Found:
    path = Path(place)
    if not path.is_file():
        raise UserError(f"There is no file {path}", "Correct the path")
    try:
        table = pd.read_parquet(path).reset_index(drop=True)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}", "Correct the path"
        ) from error
    except Exception as error:
        # Beside ValueError, what pandas notes of the columns' types raises nearly anything.
        raise UserError(
            f"{path} is no Parquet file, or a damaged one: {error}",
            "Write it anew, or give the runs as CSV",
        ) from error
    if table.empty:
        raise UserError(f"{path} holds no rows", "Give a table that has some")
    # What is missing in a typed column is nothing, not the value None.
    texts = {str(name): table[name].map(cell_text).where(table[name].notna(), "") for name in table}
    frame = pd.DataFrame(texts, dtype=object).set_axis(range(1, len(table) + 1))
    return found_in(Cells(path.stem, str(path), frame), asked)


IMPORTER = Importer("a Parquet file", TABLE_SETTINGS, _place_of, _found)
