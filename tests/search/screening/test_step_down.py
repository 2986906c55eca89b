"""One corrected family: Westfall and Young's step-down maximum against its definition."""

import numpy as np
import pytest

from latentlab.search.screening.step_down import step_down


def statistics(sweeps, tests, seed=0):
    """Minus logarithms of independent uniform p-values; the first one is the sweep."""
    return np.random.default_rng(seed).exponential(size=(sweeps, tests))


def test_the_strongest_test_against_all_maxima():
    drawn = statistics(200, 4)
    drawn[0] = [6.0, 0.5, 3.0, 1.0]
    found = step_down(drawn)
    order = np.argsort(-found.neg_log_p)
    assert order[0] == 0
    # Step-down: the k-th test against the maxima of those that are left.
    assert found.corrected[0] == pytest.approx((found.largest >= found.neg_log_p[0]).mean())
    assert (np.diff(found.corrected[order]) >= 0).all()
    assert (found.corrected >= found.p - 1e-12).all()


def test_one_test_needs_no_correction():
    drawn = statistics(100, 1)
    found = step_down(drawn)
    assert found.corrected[0] == pytest.approx((drawn >= drawn[0]).mean())


def test_the_chance_of_any_false_test_is_alpha():
    # Gates that go together, and one whose evidence is on a scale of its own.
    rng = np.random.default_rng(1)
    runs, hits = 3_000, 0
    for _ in range(runs):
        common = rng.normal(size=(50, 1))
        drawn = np.abs(common + rng.normal(size=(50, 5))) ** 2
        drawn[:, 2] *= 40
        hits += step_down(drawn).corrected.min() <= 0.1
    assert hits / runs == pytest.approx(0.1, abs=0.018)


def test_a_test_on_a_large_scale_does_not_drown_the_others():
    drawn = statistics(400, 3, seed=2)
    drawn[:, 1] *= 50
    drawn[0] = [9.0, 1.0, 1.0]
    assert step_down(drawn).corrected[0] <= 0.02


def test_ties_count_against_the_sweep():
    drawn = np.zeros((100, 2))
    found = step_down(drawn)
    assert found.corrected.tolist() == [1.0, 1.0]
    drawn[:5, 0] = 4.0
    assert step_down(drawn).p[0] == pytest.approx(0.05)


def test_the_neg_log_p_that_is_needed_is_just_enough():
    drawn = statistics(100, 3, seed=4)
    found = step_down(drawn)
    needed = found.needed(0.05)
    assert (found.largest[1:] >= needed).sum() + 1 >= 5
    assert (found.largest[1:] > needed).sum() + 1 <= 5
    # 9 null replicates cannot show a p of .05.
    assert step_down(statistics(10, 3)).needed(0.05) == float("inf")
