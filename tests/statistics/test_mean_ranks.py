"""Mean ranks, held to scipy and to Demsar's published example."""

import itertools

import numpy as np
import pytest
import scipy

from latentlab.statistics.contrasts import Holm, Tukey
from latentlab.statistics.mean_ranks import mean_ranks, smallest_p

# Table 6 of Demsar (2006): areas under the curve of C4.5, with m, with cf, with both.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],  # ranked apart there, though printed alike
        [0.957, 0.978, 0.946, 0.970],
    ]
)
AGAINST_FIRST = np.array([[-1.0, 1, 0, 0], [-1, 0, 1, 0], [-1, 0, 0, 1]])
PAIRS = np.array(
    [[float(k == a) - (k == b) for k in range(4)] for a, b in itertools.combinations(range(4), 2)]
)


def test_demsars_example():
    found = mean_ranks(DEMSAR)
    assert found.means.round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    # He does not correct for ties: 9.28 and 3.69. With the correction they are a little larger.
    chi = 12 * 14 / 20 * (np.sum(found.means**2) - 4 * 25 / 4)
    assert (round(chi, 2), round(13 * chi / (14 * 3 - chi), 2)) == (9.28, 3.69)
    corrected = scipy.stats.friedmanchisquare(*DEMSAR.T).statistic
    f = 13 * corrected / (14 * 3 - corrected)
    assert f > 3.69
    assert float(found.iman_davenport_p()) == pytest.approx(scipy.stats.f.sf(f, 3, 39))
    assert found.permutation_p() == pytest.approx(float(found.iman_davenport_p()), abs=0.006)
    # His critical difference of Nemenyi's test is 1.25: no two of the four reach it.
    errors = found.contrasts(PAIRS).errors
    assert Tukey(4, np.inf).quantile(0.95) * errors[0] == pytest.approx(1.25, abs=0.005)
    # Against C4.5 his z are 2.343 and 2.416 for m and for both, and .512 for cf; by Holm both hold.
    deviates = found.contrasts(AGAINST_FIRST).deviates()
    assert deviates == pytest.approx([2.343, 0.512, 2.416], abs=2e-3)
    assert (Holm(np.array(np.inf), 3).adjusted(deviates) <= 0.05).tolist() == [True, False, True]


def test_the_permutation_test_is_that_of_all_orders():
    orders = np.array(list(itertools.permutations(range(3))))
    every = orders[np.array(list(itertools.product(range(6), repeat=4)))].astype(float)
    statistics = np.sum((every.mean(axis=1) - 1) ** 2, axis=-1)
    for one in (3, 200, 900):
        expected = np.mean(statistics >= statistics[one] - 1e-9)
        assert mean_ranks(every[one]).permutation_p() == pytest.approx(expected, abs=0.02)
    assert smallest_p(4, 3) == pytest.approx(np.mean(statistics >= statistics.max() - 1e-9))
    assert np.isnan(mean_ranks(np.ones((4, 3))).permutation_p())
    assert np.isnan(mean_ranks(np.ones((4, 3))).iman_davenport_p())
    # Iman and Davenport's F orders outcomes as the statistic does.
    p = mean_ranks(every).iman_davenport_p()
    assert np.all(np.diff(p[np.argsort(statistics)]) <= 1e-9)
