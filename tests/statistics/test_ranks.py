"""Ranks with gaps, normal scores, and the best rows with one rule for ties."""

import numpy as np
import pytest
import scipy.stats

from latentlab.statistics.ranks import best_rows, midranks, normal_scores


def blom(scores):
    ranks = scipy.stats.rankdata(scores)
    return scipy.stats.norm.ppf((ranks - 0.375) / (len(scores) + 0.25))


def test_ranks_and_normal_scores_pass_over_gaps():
    values = np.array([[3.0, np.nan, 1.0, 3.0, 2.0]])
    kept = ~np.isnan(values[0])
    assert midranks(values)[0][kept] == pytest.approx(scipy.stats.rankdata(values[0][kept]))
    assert normal_scores(values)[0][kept] == pytest.approx(blom(values[0][kept]))
    assert np.isnan(midranks(values)[0][1])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], [7, 8]),
        # Ties with the last elite come in while they leave half of the rows outside.
        ([1, 2, 3, 4, 5, 7, 7, 8], [7, 7, 8]),
        ([1, 5, 5, 5, 5, 5, 5, 8], [8]),
        ([5, 5, 5, 5, 5, 5, 5, 5], []),
        ([1, np.nan, 3, np.nan, 5], [5]),
    ],
)
def test_elites_with_ties(scores, expected):
    row = np.array([scores], dtype=float)
    assert row[best_rows(row, 0.25)].tolist() == expected
