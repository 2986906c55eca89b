"""Types of columns of text: numbers, truth values or words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError

_ABSENT = {"", "nan", "none", "null", "na", "n/a"}
"""Words for a missing number; among words they are words, as in `augmentation: none`."""

_TRUTH = {"true": True, "false": False}


def typed(column: pd.Series) -> pd.Series:
    """Return a column with its type inferred.

    Args:
        column: text, or values that have types already; empty text and None are missing.

    Returns:
        A float column where everything that is not missing is a finite number, with NaN for
        missing; else an object column of truth values or of words, with None for missing.
    """
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    lowered = text.str.lower()
    numbers = pd.to_numeric(text.where(~lowered.isin(_ABSENT), None), errors="coerce")
    readable = np.isfinite(numbers.to_numpy(dtype=float, na_value=np.nan))
    if (readable | lowered.isin(_ABSENT).to_numpy()).all():
        return numbers.astype(float)
    given = (text != "").to_numpy()
    truth = lowered[given].isin(list(_TRUTH)).all()
    words = lowered.map(_TRUTH) if truth else text.map(number_or_word)
    values = [item if present else None for item, present in zip(words, given, strict=True)]
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


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
    absent = text.str.lower().isin(_ABSENT)
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
    return numbers.to_numpy(dtype=np.int64)
