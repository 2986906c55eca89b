"""dSprites, from a small file of its format."""

import itertools

import numpy as np
import pytest

from latentlab.core.errors import UserError
from latentlab.data import Factor, prepare
from latentlab.data.factors import values_of
from latentlab.data.images.dsprites import FILE


@pytest.fixture
def folder(tmp_path):
    """One colour, 3 shapes, 2 scales, 2 orientations, 8 x 8 places; pixels spell the factors."""
    values = np.array(list(itertools.product(*map(range, (1, 3, 2, 2, 8, 8)))), dtype=np.int64)
    images = np.zeros((len(values), 6, 8), dtype=np.uint8)
    for column in range(6):
        images[np.arange(len(values)), column, values[:, column]] = 1
    # Published with an object beside, which is not to be unpickled.
    np.savez_compressed(
        tmp_path / FILE, imgs=images, latents_classes=values, metadata=np.array({"a": 1})
    )
    return tmp_path


def test_pictures_have_their_factors(folder, monkeypatch):
    monkeypatch.setattr("latentlab.data.images.dsprites.CHUNK_BYTES", 1000)
    data = prepare("dsprites", {"repeats": 3}, folder)
    factors = data.schema.factors
    assert factors == (
        Factor("shape", 3, ordered=False),
        Factor("scale", 2),
        Factor("orientation", 2),
        Factor("x", 4),
        Factor("y", 4),
    )
    splits = data.splits.values()
    images = np.concatenate([split.features[:, 0] for split in splits])
    labels = np.concatenate([split.labels for split in splits])
    assert set(np.unique(images)) == {0, 255}
    assert (np.bincount(labels) == 3).all()
    spelt = images.argmax(2)[:, 1:]
    spelt[:, 3:] //= 2  # neighbouring places are one
    np.testing.assert_array_equal(values_of(labels, factors), spelt)


def test_mistakes(folder, tmp_path_factory):
    with pytest.raises(UserError, match=r"pictures of a combination, not 40.*`repeats` to"):
        prepare("dsprites", {"repeats": 40}, folder)
    with pytest.raises(UserError, match=f"has no file {FILE}"):
        prepare("dsprites", None, tmp_path_factory.mktemp("empty"))
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="truncated or not the file of dSprites"):
        prepare("dsprites", {"repeats": 3}, folder)
