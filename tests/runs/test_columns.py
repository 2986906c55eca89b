"""Columns of text as what they hold."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.runs.columns import NULL, typed


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2.5", "1e-3"], [1.0, 2.5, 0.001]),
        (["1", "", "nan"], [1.0, None, None]),
        (["2", "None", "", "null"], [2, NULL, None, NULL]),
        (["None", "balanced"], [NULL, "balanced"]),
        (["True", "None", ""], [True, NULL, None]),
        (["True", "FALSE", ""], [True, False, None]),
        (["none", "strong", ""], ["none", "strong", None]),
        (["1", "2d", ""], [1, "2d", None]),
        (["inf", "1"], ["'inf'", 1]),
        ([" a ", "a"], ["a", "a"]),
        (["0", "1"], [0.0, 1.0]),
    ],
)
def test_types_of_cells(cells: list[str], expected: list[Any]) -> None:
    found = typed(pd.Series(cells))
    assert [None if pd.isna(value) else value for value in found] == expected
    assert found.dtype == (float if isinstance(expected[0], float) else object)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))))
def test_numbers_survive_text(values: list[float | None]) -> None:
    found = typed(pd.Series(["" if v is None else repr(v) for v in values], dtype=object))
    assert [None if pd.isna(v) else v for v in found] == values
