"""Reads a CSV file as cells of text, whichever program wrote it."""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.importers.cell_text import plain
from latentlab.runs.importers.tables import MOST_COLUMNS, check_columns

_SHOWN = 20
_LONGEST_LINE = 2**26
_MARK = "sep="
"""Excel's first line where the separator is not that of its country."""

_GUARDED = r"^'(?=[=+@-])"
"""MLflow's export keeps spreadsheets from running a cell, negative numbers among them."""


def read_cells(
    path: Path, named: Collection[str], enough: bool = False
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return all cells as text, empty where there is nothing, and what is to be said of them.

    Rows are counted from 1; those that are shorter than the header end in empty cells, and a note
    counts them. Separated by commas, semicolons or tabs, with or without a byte order mark.
    Decimal commas become points where more columns have those than points. Rows of empty cells,
    which spreadsheets leave behind, are none; a column without a name is called as pandas does.

    Args:
        path: of the file.
        named: columns that are needed.
        enough: whether others may be left out, as they are where there are too many to read.

    Raises:
        UserError: one line with the file, what is wrong with it, and the remedy.
    """
    try:
        header, separator, above = _header(path)
        _check_header(path, header, enough)
        if len(header) > MOST_COLUMNS:
            check_columns(list(named), header, str(path))
        with warnings.catch_warnings():
            # Rows longer than the header are an error, not an index and not cut.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            short = _short_rows(path, len(header), separator, above)
            frame = pd.read_csv(
                path,
                sep=separator,
                dtype=str,
                keep_default_na=False,
                index_col=False,
                encoding="utf-8-sig",
                skiprows=above,
                header=0,
                names=header,
                usecols=None if len(header) <= MOST_COLUMNS else list(named),
            )
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Correct the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8", "Save it as CSV in UTF-8") from error
    except csv.Error as error:
        remedy = "Give a CSV file whose first line names its columns"
        raise UserError(f"{path}: {error}", remedy) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise UserError(f"{path}: {error}", "Give each row as many cells as the header") from error
    frame = frame.set_axis(range(1, len(frame) + 1))
    frame = frame[(frame != "").any(axis=1)]
    if frame.empty:
        raise UserError(f"{path}: there are no rows below the header", "Give a table that has some")
    notes = (f"{short} rows have fewer cells than the header",) if short else ()
    return _with_points(frame.replace(_GUARDED, "", regex=True), separator), notes


def _short_rows(path: Path, cells: int, separator: str, above: int) -> int:
    """Count the rows that have fewer cells than the header; pandas fills them up in silence."""
    with path.open(encoding="utf-8-sig", newline="") as file, suppress(csv.Error):
        rows = list(map(len, csv.reader(file, delimiter=separator)))[above + 1 :]
        return sum(0 < length < cells for length in rows)
    return 0


def _header(path: Path) -> tuple[list[str], str, int]:
    """Return the names of the columns, the separator, and the number of lines above the names."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(_LONGEST_LINE)
        marked = first.lower().startswith(_MARK) and len(first.strip()) == len(_MARK) + 1
        separator = first[len(_MARK)] if marked else max(",;\t", key=first.count)
        if not marked:
            file.seek(0)
        if len(first) == _LONGEST_LINE:
            raise csv.Error("its first line does not end")
        names = [plain(n) for n in next(csv.reader(file, delimiter=separator), [])]
        if not any(names):
            raise csv.Error("its first line is empty")
    return [name or f"Unnamed: {k}" for k, name in enumerate(names)], separator, int(marked)


def _check_header(path: Path, header: list[str], enough: bool) -> None:
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        listed = ", ".join(f"'{name}'" for name in twice[:_SHOWN])
        raise UserError(f"{path}: two columns are called {listed}", "Rename one of them")
    if not enough and len(header) > MOST_COLUMNS:
        raise UserError(
            f"{path} has {len(header):,} columns",
            "Name those that are parameters: analysis.parameters=a+b",
        )


def _with_points(frame: pd.DataFrame, separator: str) -> pd.DataFrame:
    """Return cells with decimal points. Between commas a comma is no decimal one."""
    if separator == ",":
        return frame
    commas, points = _decimals(frame, ","), _decimals(frame, ".")
    if len(commas) <= len(points):
        return frame
    return frame.assign(**{name: frame[name].str.replace(",", ".") for name in commas})


def _decimals(frame: pd.DataFrame, mark: str) -> list[str]:
    """Return the columns in which all that is not empty is a number, with this decimal mark."""
    number = rf"\s*(?:[+-]?(?:\d+|\d*[{mark}]\d+)(?:[eE][+-]?\d+)?)?\s*"
    return [
        str(name)
        for name in frame
        if frame[name].str.contains(mark, regex=False).any()
        and frame[name].str.fullmatch(number).all()
    ]
