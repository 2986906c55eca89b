"""Values of files that have types as the cells of text that a table of runs is read from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from latentlab.evidence.configurations import flatten


def plain(text: str) -> str:
    r"""Return a name without line breaks and without what steers a terminal.

    >>> plain("wide\n net"), plain("red \x1b[31m")
    ('wide net', 'red ?[31m')
    """
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def cell_text(value: Any) -> str:
    """Return a value as text from which the same value is read: numbers to the last digit.

    >>> cell_text(0.1), cell_text(True), cell_text(None), cell_text([1, 2]), cell_text("cnn")
    ('0.1', 'True', 'None', '[1, 2]', 'cnn')
    """
    if isinstance(value, str):
        # JSON may hold halves of characters, which nothing can write.
        return " ".join(value.encode(errors="replace").decode().split())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | dict):
        with suppress(TypeError):
            return json.dumps(value, default=str)
        # A key is a date, or another one that JSON has not.
    return str(value)


def frame_of_records(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return nested records as rows of text, columns named by dots; empty where a record lacks one.

    What is null is the value None; rows are counted from 1.
    """
    flat = [{plain(str(k)): cell_text(v) for k, v in flatten(record).items()} for record in records]
    frame = pd.DataFrame(flat, index=range(1, len(flat) + 1), dtype=object)
    return frame.fillna("").astype(object)
