"""Packing of pictures and texts, and what a data set of them is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.core.errors import UserError
from latentlab.data import ImageTextLayout, check, load_prepared, save_prepared
from latentlab.data.card import data_card
from latentlab.data.image_text.records import Record, hold_out_objects, pack, prepared_samples
from latentlab.data.image_text_layout import (
    ALPHABET,
    TEXT,
    VISUAL,
    VOCABULARY,
    decode,
    encode,
    group_numbers,
    pictures,
    texts,
    tidy,
)
from latentlab.data.preview import draw_preview

PARTS = ImageTextLayout(image=(3, 4, 2), text=9)


def _records(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Record(
            f"r{k}",
            "ab"[k % 2],
            None if k % 5 == 1 else rng.integers(1, 256, (3, 4, 2), dtype=np.uint8),
            None if k % 5 == 2 else f"text {k}",
        )
        for k in range(count)
    ]


def _prepared(**change):
    records = {"train": _records(20), "test": _records(10, 1)}
    return prepared_samples("both", records | change, ("a", "b"), PARTS, "made by a test")


def test_alphabet_is_the_reports():
    assert VOCABULARY == 45
    assert encode("az09 .,!?-'\"", 14).tolist() == [1, 26, 27, 36, *range(37, 45), 0, 0]
    assert len(set(ALPHABET)) == 44


@given(st.text(max_size=30))
def test_texts_come_back_as_far_as_the_alphabet_has_them(text):
    kept = tidy(text, 12)
    if kept is None:
        assert not any(c.strip() and c in ALPHABET for c in " ".join(text.lower().split())[:12])
        return
    back = decode(encode(kept, 12))
    expected = "".join(c if c in ALPHABET else "#" for c in kept)
    assert back == expected.rstrip("#")
    assert encode(kept, 12).any()


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("  Hello\n\tWORLD ", "hello wor"),
        ("", None),
        (" \n ", None),
        ("日本語", None),
        ("日本語日本語日本語 a", None),  # what is kept has nothing of the alphabet
        ("é-1", "é-1"),
    ],
)
def test_tidy(given_text, kept):
    assert tidy(given_text, 9) == kept


def test_every_picture_and_text_is_a_sample_of_its_class():
    records = _records(20)
    split = pack(records, ("a", "b"), PARTS)
    groups = group_numbers(split.features)
    assert split.features.shape == (32, 1, 1, 3 * 4 * 2 + 9 + 1)
    assert np.bincount(groups).tolist() == [16, 16]
    visual, text = groups == VISUAL, groups == TEXT
    expected = [record.image for record in records if record.image is not None]
    np.testing.assert_array_equal(pictures(split.features[visual], PARTS), expected)
    assert texts(split.features[text], PARTS) == [r.text for r in records if r.text]
    # A picture has no text, and a text no picture.
    assert texts(split.features[visual], PARTS) == [""] * 16
    assert not pictures(split.features[text], PARTS).any()
    labels = [r.label for r in records if r.image is not None]
    assert ["ab"[k] for k in split.labels[visual]] == labels
    assert ["ab"[k] for k in split.labels[text]] == [r.label for r in records if r.text]


def test_a_prepared_set_is_stored_and_shown(tmp_path):
    data = _prepared()
    check(data)
    save_prepared(data, tmp_path / "p")
    back = load_prepared(tmp_path / "p")
    assert back.schema.parts == PARTS
    assert back.fingerprint == data.fingerprint
    card = data_card(data)
    assert card["splits"]["train"]["groups"] == {"visual": 16, "text": 16}
    # Of the pictures alone: neither tokens nor the empty pictures of texts are pixels.
    shown = np.stack([r.image for r in _records(20) if r.image is not None]) / 255
    assert card["pixels"] == pytest.approx({"mean": shown.mean(), "sd": shown.std()})


def test_a_preview_shows_pictures_beside_texts():
    bright = np.full((3, 4, 2), 255, dtype=np.uint8)
    records = [Record("p", "a", bright, None), Record("t", "a", None, "word")]
    other = [Record("q", "b", bright // 3, None), Record("u", "b", None, "word")]
    data = prepared_samples(
        "both", {"train": records + other, "test": records + other}, ("a", "b"), PARTS, "made"
    )
    picture = np.asarray(draw_preview(data))
    tile = picture[:56, 110:166]
    assert (tile == 255).all()
    assert (picture[58:114, 110:166] == 85).all()
    written = picture[:56, 110 + 4 * 58 :]
    assert written.min() < 128  # a text stands beside the pictures
    assert (picture[:56, 170 : 110 + 4 * 58] == 255).all()


def test_other_fingerprints_are_as_before(make_prepared):
    """No key of other schemas changes: trials are known by the data's fingerprint."""
    schema = make_prepared().schema
    keys = list(schema.model_dump())
    assert keys == ["name", "shape", "dtype", "scale", "classes"]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([Record("r", "a", np.zeros((3, 4, 2), np.uint8), None)], "'test' has no text sample"),
        ([Record("r", "a", None, "word")], "'test' has no visual sample"),
        ([], "'test' has no visual sample"),
    ],
)
def test_an_empty_group_is_named(records, message):
    with pytest.raises(UserError, match=message):
        _prepared(test=records)


@pytest.mark.parametrize("classes", [(), ("a",)])
def test_one_class_only(classes):
    with pytest.raises(UserError, match=r"'both' has (one class only, 'a'|no labelled objects)"):
        prepared_samples("both", {"train": [], "test": []}, classes, PARTS, "made")


def test_objects_are_held_out_whole_and_stratified():
    strata = [(k % 3, k % 2) for k in range(60)] + [(9, 9)]
    parts = hold_out_objects(strata, 0.3, 4)
    both = np.concatenate([parts["train"], parts["test"]])
    assert sorted(both) == list(range(61))
    assert 60 in parts["train"]  # alone in its stratum
    held = [strata[k] for k in parts["test"]]
    assert {held.count(kind) for kind in set(strata[:60])} == {3}
    again = hold_out_objects(strata, 0.3, 4)
    np.testing.assert_array_equal(again["test"], parts["test"])
    assert hold_out_objects(strata, 0.3, 5)["test"].tolist() != parts["test"].tolist()
