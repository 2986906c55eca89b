"""Types of columns of text: numbers, truth values or words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError

NULL = "null"
"""The choice None as a word: in a table, None says that a parameter does not exist."""

_EMPTY = {"", "nan", "na", "n/a"}
"""Cells of numbers that hold nothing; among words all but the first are words."""

_NONE = {"none", "null"}
"""Among numbers the value None; among words as Python or JSON write it, else a word."""

_EXACT = 2**53
"""Larger whole numbers are not all floats."""

_TRUTH = {"true": True, "false": False}


def typed(column: pd.Series) -> pd.Series:
    """Return a column with its type inferred.

    Args:
        column: text, or values that have types already; empty text and None are missing. The text
            `None` is a value, as in scikit-learn's `max_depth=None`.

    Returns:
        A float column where everything that is not missing is a finite number, with NaN for
        missing; else an object column of truth values, numbers, words and `NULL`, with None for
        missing.
    """
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    lowered = text.str.lower()
    empty, none = lowered.isin(_EMPTY).to_numpy(), lowered.isin(_NONE).to_numpy()
    numbers = pd.to_numeric(text.where(~(empty | none), None), errors="coerce")
    readable = np.isfinite(numbers.to_numpy(dtype=float, na_value=np.nan))
    if (readable | empty).all():
        return numbers.astype(float)
    if not (readable.any() and (readable | empty | none).all()):
        # `none` is a word beside words, as in `augmentation: none`.
        empty, none = (text == "").to_numpy(), text.isin(["None", NULL]).to_numpy()
    given = ~empty & ~none
    truth = given.any() and lowered[given].isin(list(_TRUTH)).all()
    words = lowered.map(_TRUTH) if truth else text.map(number_or_word)
    values = words.astype(object).mask(none, NULL).mask(empty, None)
    return pd.Series(values.tolist(), index=column.index, name=column.name, dtype=object)


def number_or_word(text: str) -> int | float | str:
    """Return a word as a choice can be one: where it reads as a number, that number.

    A choice that is text and reads as a number is refused everywhere, as YAML makes such by
    mistake. What reads as infinite or as no number keeps its quotes.

    >>> number_or_word("8"), number_or_word("0.5"), number_or_word("cnn"), number_or_word("inf")
    (8, 0.5, 'cnn', "'inf'")
    """
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return f"'{text}'"
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def numbers_of(column: pd.Series, where: str) -> pd.Series:
    """Return a column of values as floats: missing where empty, infinite where it says so.

    Raises:
        UserError: something else than a number is in it.
    """
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    absent = text.str.lower().isin(_EMPTY | _NONE)
    numbers = pd.to_numeric(text.where(~absent, None), errors="coerce").astype(float)
    wrong = (numbers.isna() & ~absent).to_numpy()
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f"{where}: '{text.iloc[index]}' in row {column.index[index]} is no number",
            "Correct it, leave it empty where there is no value, or name another column",
        )
    return numbers


def seeds_of(column: pd.Series, where: str) -> NDArray[np.int64]:
    """Return a column of seeds as whole numbers.

    Raises:
        UserError: one is missing or no whole number.
    """
    numbers = numbers_of(column, where)
    # Neither a missing nor an infinite number leaves the remainder 0.
    wrong = column.index[(numbers % 1 != 0).to_numpy()]
    if len(wrong):
        raise UserError(
            f"{where}: there is no whole number in row {wrong[0]}",
            "Fill it in, or take the row out",
        )
    if (numbers.abs() > _EXACT).any():
        raise UserError(
            f"{where}: too large a number in row {(numbers.abs() > _EXACT).idxmax()}",
            "Give the seeds numbers below 9,007,199,254,740,992",
        )
    return numbers.to_numpy(dtype=np.int64)
