"""Quasi-random search must not tie choices to each other."""

import itertools

import numpy as np
import pytest

from latentlab.search.sampling import quasi_random_values
from latentlab.search.space import Space

SWITCHES = Space(
    parameters={
        f"switch_{number}": {"type": "categorical", "choices": [False, True]}
        for number in range(12)
    }
)


@pytest.mark.parametrize("count", [16, 32])
@pytest.mark.parametrize("seed", range(5))
def test_no_two_switches_always_agree_or_always_differ(seed, count):
    drawn = quasi_random_values(SWITCHES, seed, 0, count)
    for one, other in itertools.combinations(SWITCHES.parameters, 2):
        agreed = np.mean([values[one] == values[other] for values in drawn])
        assert 0 < agreed < 1


def test_a_sequence_goes_on_where_it_stopped():
    whole = quasi_random_values(SWITCHES, 3, 0, 20)
    assert quasi_random_values(SWITCHES, 3, 7, 5) == whole[7:12]
