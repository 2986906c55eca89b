from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from latentlab.reporting.formatting import (
    as_float,
    as_text,
    format_declared,
    format_estimate,
    format_number,
    format_p,
    format_share,
    plural,
)

magnitudes = st.floats(1e-9, 1e9)
signs = st.sampled_from([-1.0, 1.0])


def number(text: str) -> float:
    return float(text.replace(",", ""))


@given(magnitudes, signs, magnitudes)
def test_an_interval_keeps_two_digits_of_its_half_width(
    size: float, sign: float, half: float
) -> None:
    value = sign * size
    assume(half > 1e-12 * size)  # below that, floating point itself has no such digit
    text = format_estimate(value, value - half, value + half)
    shown, interval = text.split(" ", 1)
    low, high = (number(end) for end in interval.strip("[]").split(", "))
    # Half a unit of the second digit of the half-width is at most 5 % of it.
    tolerance = 0.05 * half + 1e-9 * size
    assert number(shown) == pytest.approx(value, abs=tolerance)
    assert low == pytest.approx(value - half, abs=tolerance)
    assert high == pytest.approx(value + half, abs=tolerance)


@given(magnitudes, signs)
def test_a_lone_number_keeps_four_digits(size: float, sign: float) -> None:
    assert number(format_number(sign * size)) == pytest.approx(sign * size, rel=5.1e-4)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 12))
def test_zero_never_has_a_sign(value: float, decimals: int) -> None:
    text = format_number(value, decimals)
    if number(text) == 0:
        assert not text.startswith("-")


@given(st.floats(0, 1))
def test_p_values_have_no_leading_zero_and_never_round_to_certainty(p: float) -> None:
    text = format_p(p)
    assert not text.startswith("0.")
    if p < 0.001:
        assert text == "< .001"
    elif p < 1:
        assert text != "1.000"
        assert abs(float(text.lstrip("<> ")) - p) <= 0.001


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_estimate(0.8234127, 0.8112, 0.8356), "0.823 [0.811, 0.836]"),
        (format_estimate(1.9, 1.2, math.inf), "1.90 [1.20, inf]"),
        (format_estimate(5.0, 5.0, 5.0), "5 [5, 5]"),
        (format_estimate(3.5), "3.500"),
        (format_estimate(math.nan, math.nan, math.nan), "-"),
        (format_estimate(56789.4, 55000, 58500), "56,789 [55,000, 58,500]"),
        (format_estimate(2e-8, 1e-8, 3e-8), "2.0e-08 [1.0e-08, 3.0e-08]"),
        (format_number(-0.00004, 2), "0.00"),
        (format_number(math.inf), "inf"),
        (format_declared(-0.01), "-0.01"),
        (format_p(0.012), ".012"),
        (format_p(0.99999), "> .999"),
        (format_p(1.0), "1.000"),
        (format_p(math.nan), "-"),
        (format_share(0.9), "90 %"),
        (plural(1, "seed"), "1 seed"),
        (plural(14, "seed"), "14 seeds"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize("empty", [None, math.nan, pd.NA, pd.NaT])
def test_empty_cells_read_as_nothing(empty: object) -> None:
    assert as_text(empty) == ""
    assert math.isnan(as_float(empty))


def test_what_only_rounding_sets_apart_is_one_number() -> None:
    nearly = 0.9999999999999998
    assert format_estimate(nearly, nearly, nearly) == "1 [1, 1]"
    assert format_estimate(0.3, 0.1 + 0.2, 0.3) == "0.3000 [0.3000, 0.3000]"
