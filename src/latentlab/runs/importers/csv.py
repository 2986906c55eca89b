"""Imports runs from CSV files."""

from __future__ import annotations

from pathlib import Path

from latentlab.runs.importers.csv_cells import read_cells
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.importers.tables import TABLE_SETTINGS, Cells, found_in, named_columns


def _place_of(source: str, path: Path) -> str | None:
    return str(path)


def _found(place: str, asked: Asked) -> Found:
    path = Path(place)
    named = [*(asked.metrics or ()), *named_columns(asked)]
    frame, notes = read_cells(path, named, enough=asked.parameters is not None)
    return found_in(Cells(path.stem, str(path), frame, notes=notes), asked)


IMPORTER = Importer("a CSV file", TABLE_SETTINGS, _place_of, _found)
