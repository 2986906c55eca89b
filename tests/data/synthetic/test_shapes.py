"""Pictures with known factors: which factors they have, and that they are in the pictures."""

import numpy as np
import pytest

from latentlab.core.errors import UserError
from latentlab.data import prepare
from latentlab.data.factors import class_names, labels_of, values_of
from latentlab.data.synthetic.shapes import COMBINATIONS, FACTORS, draw


def moments(images):
    """Brightness [n], centres [n, 2] and the long axis' angle from the x axis [n], in degrees."""
    grey = images.astype(float)
    mass = grey.sum((1, 2))
    place = np.arange(16) + 0.5
    x, y = (grey.sum(axis) @ place / mass for axis in (1, 2))
    across, down = place[None] - x[:, None], place[None] - y[:, None]
    xx = (grey.sum(1) * across**2).sum(1)
    yy = (grey.sum(2) * down**2).sum(1)
    xy = np.einsum("nij,ni,nj->n", grey, down, across)
    return mass, np.stack([x, y], 1), np.degrees(0.5 * np.arctan2(2 * xy, xx - yy))


def test_labels_number_the_combinations():
    labels = np.arange(COMBINATIONS)
    values = values_of(labels, FACTORS)
    assert len(np.unique(values, axis=0)) == COMBINATIONS
    np.testing.assert_array_equal(labels_of(values, FACTORS), labels)
    names = class_names(FACTORS)
    assert names[1] == "shape 0, size 0, angle 0, x 0, y 1"
    assert len(set(names)) == COMBINATIONS


def test_the_pictures_show_their_factors():
    values = values_of(np.repeat(np.arange(COMBINATIONS), 3), FACTORS)
    images = draw(values, np.random.default_rng(0))
    mass, centres, angles = moments(images)
    # Places: a step is 1.75 pixels, from 4.5 on.
    for column, found in ((3, centres[:, 0]), (4, centres[:, 1])):
        low = 4.5 + 1.75 * values[:, column]
        assert (found > low - 0.3).all()
        assert (found < low + 2.05).all()
    for shape in range(3):
        for size in range(2):
            smaller, larger = (
                mass[(values[:, 0] == shape) & (values[:, 1] == s)] for s in (size, size + 1)
            )
            assert smaller.max() < 1.05 * larger.min()
    # Angles of the long ones that are large enough to tell: quarters of a quarter turn.
    clear = (values[:, 0] < 2) & (values[:, 1] == 2)
    low = 22.5 * values[clear, 2]
    assert (angles[clear] > low - 3).all()
    assert (angles[clear] < low + 25.5).all()
    # Nothing is cut off.
    assert images[:, [0, -1]].max() == 0 or images[:, [0, -1]].mean() < 0.05 * images.mean()


def test_independent_factors_and_correlated_ones(tmp_path):
    for name, expected in (("shapes", 0.0), ("correlated_shapes", 0.58)):
        data = prepare(name, None, tmp_path)
        assert data.schema.factors == FACTORS
        both = [data.splits["train"].labels, data.splits["test"].labels]
        assert sum(map(len, both)) == 8 * COMBINATIONS
        # Every combination is in both, and in training often enough to be held out.
        assert np.bincount(both[0], minlength=COMBINATIONS).min() >= 2
        assert np.bincount(both[1], minlength=COMBINATIONS).min() >= 1
        found = np.corrcoef(values_of(np.concatenate(both), FACTORS).T)
        assert found[1, 3] == pytest.approx(expected, abs=0.01)
        found[1, 3] = found[3, 1] = 0
        np.testing.assert_allclose(found, np.eye(5), atol=0.01)
        assert "in train" not in data.origin  # no copies


def test_too_few_repeats(tmp_path):
    with pytest.raises(UserError, match="repeats: must be greater than or equal to 3"):
        prepare("shapes", {"repeats": 2}, tmp_path)
