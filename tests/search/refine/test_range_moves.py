"""Values and shares of a range, and moves of its bounds."""

import numpy as np
import pandas as pd
import pytest

from latentlab.search.columns import column_of
from latentlab.search.parameters import FloatParameter, IntParameter
from latentlab.search.refine.range_moves import expanded, from_share, narrowed

WIDTH = FloatParameter(type="float", low=0.5, high=3.0)
DEPTH = IntParameter(type="int", low=2, high=6)
RATE = FloatParameter(type="float", low=1e-4, high=1e-1, log=True)


def bounds(parameter):
    return parameter.low, parameter.high


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("parameter", [WIDTH, RATE])
def test_values_and_shares_are_inverse(parameter, share):
    series = pd.Series([from_share(parameter, share)])
    column = column_of("speed", parameter, series, np.ones(1, dtype=bool))
    assert column.shares[0] == pytest.approx(share)


def test_expanding_as_the_report_did():
    assert bounds(expanded(WIDTH, 1, 1.5)) == (0.5, 4.5)
    assert bounds(expanded(DEPTH, 1, 1.5)) == (2, 9)
    assert bounds(expanded(WIDTH, -1, 1.5)) == (pytest.approx(0.3333), 3.0)
    assert bounds(expanded(RATE, 1, 1.5)) == (1e-4, pytest.approx(0.15))
    assert bounds(expanded(DEPTH, -1, 1.5)) == (1, 6)


@pytest.mark.parametrize(
    ("fields", "side", "expected"),
    [
        ({"low": 0.0, "high": 0.9, "hard": {"max": 1.0}}, 1, (0.0, 1.0)),
        ({"low": 0.0, "high": 0.9, "hard": {"max": 0.9}}, 1, (0.0, 0.9)),
        # A bound at 0 is nobody's arbitrary choice: there is nothing to multiply.
        ({"low": 0.0, "high": 0.9}, -1, (0.0, 0.9)),
        ({"low": -2.0, "high": 1.0}, -1, (-3.0, 1.0)),
        ({"low": -3.0, "high": -1.5}, 1, (-3.0, -1.0)),
        # On the grid: 1.5 * 1 is half a step above 1.25, and half a step counts.
        ({"low": 0.0, "high": 1.0, "step": 0.25}, 1, (0.0, 1.5)),
    ],
)
def test_expanding_with_limits_signs_and_steps(fields, side, expected):
    assert bounds(expanded(FloatParameter(type="float", **fields), side, 1.5)) == expected


def test_whole_numbers_keep_their_grid_and_limits():
    odd = IntParameter(type="int", low=1, high=7, step=2, hard={"max": 10})
    assert bounds(expanded(odd, 1, 1.5)) == (1, 9)
    assert bounds(narrowed(odd, 2.5, 4.5)) == (1, 5)


def test_narrowing_stays_inside_and_never_becomes_a_point():
    assert bounds(narrowed(WIDTH, 1.23456, 9.0)) == (1.235, 3.0)
    assert bounds(narrowed(DEPTH, 4, 4)) == (3, 5)
    assert bounds(narrowed(DEPTH, 6, 6)) == (5, 6)
    point = narrowed(WIDTH, 2.0, 2.0)
    assert point.low < 2.0 < point.high


def test_steps_are_widened_outwards():
    assert bounds(narrowed(DEPTH, 3.9, 4.1)) == (3, 5)
