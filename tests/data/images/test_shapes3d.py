"""Shapes3D, from a small file of its format."""

import itertools
import sys

import numpy as np
import pytest

from latentlab.core.errors import UserError
from latentlab.data import Factor, prepare
from latentlab.data.factors import values_of
from latentlab.data.images.shapes3d import FILE

STEPS = (2, 1, 6, 8, 4, 3)
"""Values of each factor: one wall, and neighbouring objects and scales that are put together."""


@pytest.fixture
def folder(tmp_path):
    """A picture of each combination; squares of its first channel spell the factors."""
    h5py = pytest.importorskip("h5py")
    places = np.array(list(itertools.product(*map(range, STEPS))))
    images = np.zeros((len(places), 64, 64, 3), dtype=np.uint8)
    for column in range(6):
        images[:, :8, 8 * column : 8 * (column + 1), 0] = 10 * places[:, column, None, None]
    # Every other pixel: their mean is 100.
    images[:, ::2, :, 2] = 200
    with h5py.File(tmp_path / FILE, "w") as file:
        file.create_dataset("images", data=images, chunks=(50, 64, 64, 3), compression="gzip")
        file["labels"] = np.linspace(-30.0, 30.0, 8)[places]
    return tmp_path


def test_pictures_have_their_factors(folder, monkeypatch):
    monkeypatch.setattr("latentlab.data.images.shapes3d.CHUNK_BYTES", 1_000_000)
    data = prepare("shapes3d", {"repeats": 3}, folder)
    factors = data.schema.factors
    assert factors == (
        Factor("floor_hue", 2),
        Factor("object_hue", 3),
        Factor("scale", 4),
        Factor("shape", 4, ordered=False),
        Factor("orientation", 3),
    )
    splits = data.splits.values()
    images = np.concatenate([split.features for split in splits])
    labels = np.concatenate([split.labels for split in splits])
    assert (images.shape[1:], images.dtype) == ((3, 32, 32), np.uint8)
    assert (np.bincount(labels) == 3).all()
    assert (images[:, 2] == 100).all()
    spelt = images[:, 0, 1, 1:24:4].astype(int) // 10
    np.testing.assert_array_equal(
        values_of(labels, factors), spelt[:, [0, 2, 3, 4, 5]] // [1, 2, 2, 1, 1]
    )
    # Drawn by the seed.
    assert data.fingerprint == prepare("shapes3d", {"repeats": 3}, folder).fingerprint
    assert data.fingerprint != prepare("shapes3d", {"repeats": 3, "seed": 1}, folder).fingerprint


def test_pictures_as_they_are(folder):
    data = prepare("shapes3d", {"repeats": 3, "image_size": 64}, folder)
    assert set(np.unique(data.splits["test"].features[:, 2])) == {0, 200}


def test_mistakes(folder, tmp_path_factory):
    h5py = pytest.importorskip("h5py")
    with pytest.raises(UserError, match=r"has 4 pictures of a combination, not 5.*`repeats` to 4"):
        prepare("shapes3d", {"repeats": 5}, folder)
    with pytest.raises(UserError, match=f"has no file {FILE}"):
        prepare("shapes3d", None, tmp_path_factory.mktemp("empty"))
    with h5py.File(folder / FILE, "r+") as file:
        del file["labels"]
    with pytest.raises(UserError, match=r"not the file of Shapes3D.*labels"):
        prepare("shapes3d", {"repeats": 3}, folder)
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="truncated or not the file of Shapes3D"):
        prepare("shapes3d", {"repeats": 3}, folder)


def test_without_its_package_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / FILE).touch()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"\.\[hdf5\]"):
        prepare("shapes3d", None, tmp_path)
