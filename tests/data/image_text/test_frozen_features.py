"""Features in the place of pictures: computed once, rounded as said, in the right samples."""

import numpy as np
import pytest
from PIL import Image

from latentlab.core.errors import UserError
from latentlab.data import check, prepare
from latentlab.data.image_text.frozen_features import Backbone, with_features
from latentlab.data.image_text_layout import TEXT, VISUAL, group_numbers, pictures
from latentlab.data.preview import draw_preview

WEIGHTS = np.random.default_rng(0).standard_normal((64, 20)).astype(np.float32)


def _backbone(calls=None, digest="w", change=lambda f: f):
    def features(images):
        if calls is not None:
            calls.append(len(images))
        flat = images.reshape(len(images), -1).astype(np.float32) / 255
        return change(np.maximum(flat @ WEIGHTS, 0))

    return Backbone("a random layer", digest, features)


@pytest.fixture(scope="module")
def data():
    return _made()


def _made(**config):
    return prepare("handwriting", {"subset": 200} | config, "unused")


def _parts(prepared, split, group):
    features = prepared.splits[split].features
    return features[group_numbers(features) == group]


def test_samples_keep_their_places(data, tmp_path):
    found = with_features(data, _backbone(), tmp_path)
    check(found)
    assert found.schema.parts.image == (20, 1, 1)
    assert found.schema.shape == (1, 1, 20 + 12 + 1)
    for name, split in found.splits.items():
        np.testing.assert_array_equal(split.labels, data.splits[name].labels)
        np.testing.assert_array_equal(
            group_numbers(split.features), group_numbers(data.splits[name].features)
        )
        np.testing.assert_array_equal(
            _parts(found, name, TEXT)[..., 20:], _parts(data, name, TEXT)[..., 64:]
        )
        assert not _parts(found, name, TEXT)[..., :20].any()
        assert not _parts(found, name, VISUAL)[..., 20:].any()


def test_rounding_is_within_the_bound(data, tmp_path):
    found = with_features(data, _backbone(), tmp_path)
    exact = {
        name: _backbone().features(pictures(_parts(data, name, VISUAL), data.schema.parts))
        for name in data.splits
    }
    largest = exact["train"].max(0)
    stored = pictures(_parts(found, "train", VISUAL), found.schema.parts)[:, :, 0, 0]
    assert (np.abs(stored / 255 * largest - exact["train"]) <= largest / 509).all()
    assert stored.max(0).tolist() == np.where(largest > 0, 255, 0).tolist()
    assert (largest > 0).sum() > 15
    test = pictures(_parts(found, "test", VISUAL), found.schema.parts)[:, :, 0, 0]
    cut = np.minimum(exact["test"], largest)
    assert (np.abs(test / 255 * largest - cut) <= largest / 509).all()
    share = (exact["test"] > largest).mean()
    assert f"{share:.2g} of test values cut" in found.origin
    rms = np.sqrt(np.mean((stored / 255 * largest - exact["train"]) ** 2)) / exact["train"].std()
    assert f"rms error {rms:.2g} of their sd" in found.origin


def test_features_are_computed_once(data, tmp_path):
    calls = []
    first = with_features(data, _backbone(calls), tmp_path, batch=32)
    pictures_in_all = sum(len(_parts(data, name, VISUAL)) for name in data.splits)
    assert sum(calls) == pictures_in_all
    assert max(calls) == 32
    assert with_features(data, _backbone(calls), tmp_path).fingerprint == first.fingerprint
    assert sum(calls) == pictures_in_all
    with_features(data, _backbone(calls, "other weights"), tmp_path)
    with_features(_made(seed=3), _backbone(calls), tmp_path)
    assert sum(calls) == 3 * pictures_in_all
    next(tmp_path.glob("*/test.npz")).write_bytes(b"half")
    with_features(data, _backbone(calls), tmp_path)
    with_features(data, _backbone(calls, "other weights"), tmp_path)
    with_features(_made(seed=3), _backbone(calls), tmp_path)
    assert sum(calls) == 3 * pictures_in_all + len(_parts(data, "test", VISUAL))


@pytest.mark.parametrize("place", [0.001, 0.3, 0.6, 0.95, 0.999])
def test_damaged_features_are_computed_again(data, tmp_path, place):
    expected = with_features(data, _backbone(), tmp_path).fingerprint
    path = next(tmp_path.glob("*/train.npz"))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    assert with_features(data, _backbone(), tmp_path).fingerprint == expected


def test_a_feature_that_is_always_zero(data, tmp_path):
    found = with_features(data, _backbone(change=lambda f: f * (np.arange(20) > 0)), tmp_path)
    assert not pictures(_parts(found, "train", VISUAL), found.schema.parts)[:, 0].any()


@pytest.mark.parametrize("change", [lambda f: f - 1, lambda f: f * np.nan, lambda f: f * np.inf])
def test_features_that_bytes_cannot_hold(data, tmp_path, change):
    with pytest.raises(UserError, match="negative, infinite or NaN"), np.errstate(invalid="ignore"):
        with_features(data, _backbone(change=change), tmp_path)
    assert not list(tmp_path.rglob("*.npz"))


def test_ordinary_pictures_and_unwritable_folders(data, tmp_path):
    with pytest.raises(UserError, match="'digits' has no pictures and texts"):
        with_features(prepare("digits", None, tmp_path), _backbone(), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        with_features(data, _backbone(), tmp_path / "file")


def test_features_are_shown_as_squares(data, tmp_path):
    picture = draw_preview(with_features(data, _backbone(), tmp_path))
    assert isinstance(picture, Image.Image)
    tile = np.asarray(picture)[:56, 110:166]
    assert len(np.unique(tile)) > 5
    assert (tile[-11:] == 255).any()  # 20 features in a 5x5 square leave a row
