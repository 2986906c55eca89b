"""Corrections against statsmodels, and Holm's defining property."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from latentlab.statistics.corrections import adjust, level_left

probability = st.floats(0, 1)


@pytest.mark.parametrize("correction", ["holm", "fdr_bh", "bonferroni"])
@pytest.mark.parametrize("members", [1, 2, 5])
def test_equals_statsmodels(correction, members):
    p = np.random.default_rng(members).uniform(size=(6, members)) ** 3
    p[0] = 0.02  # ties
    expected = [multipletests(row, method=correction)[1] for row in p]
    np.testing.assert_allclose(adjust(p, correction), expected, rtol=1e-12)


def test_holms_own_steps():
    np.testing.assert_allclose(
        adjust(np.array([0.01, 0.04, 0.03, 0.005]), "holm"), [0.03, 0.06, 0.06, 0.02]
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(probability, min_size=1, max_size=6), probability)
def test_one_more_hypothesis_can_only_weaken_holm(p, irrelevant):
    alone = adjust(np.array(p), "holm")
    together = adjust(np.array([*p, irrelevant]), "holm")[:-1]
    assert np.all(together >= alone - 1e-15)
    assert np.all(alone >= np.array(p) - 1e-15)


def test_none_changes_nothing_and_copies():
    p = np.array([0.2, 0.1])
    adjusted = adjust(p, "none")
    adjusted[0] = 9
    assert p[0] == 0.2


def test_level_left():
    assert level_left(0.05, "holm", 4) == level_left(0.05, "bonferroni", 4) == 0.0125
    assert level_left(0.05, "fdr_bh", 4) == level_left(0.05, "none", 4) == 0.05
