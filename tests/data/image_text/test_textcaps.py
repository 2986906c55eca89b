"""TextCaps from files in its layout: what is read, what is counted, what is refused."""

import json
import logging

import numpy as np
import pytest

from labs.image_text_files import write_json, write_textcaps
from latentlab.core.errors import UserError
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.data.card import data_card
from latentlab.data.image_text_layout import TEXT, VISUAL, group_numbers, pictures, texts
from latentlab.data.io import image_cache as decoding

TRAIN, VAL = "TextCaps_0.1_train.json", "TextCaps_0.1_val.json"
SMALL = {"image_size": 8, "text_length": 40, "workers": 1}


@pytest.fixture
def raw(tmp_path):
    write_textcaps(tmp_path / "raw")
    return tmp_path / "raw"


def _read(raw, **config):
    return prepare("textcaps", SMALL | config, raw)


def _groups(data, split, group):
    part = data.splits[split]
    members = group_numbers(part.features) == group
    return part.features[members], part.labels[members]


def _edit(raw, name, change):
    data = json.loads((raw / name).read_text())["data"]
    write_json(raw / name, change(data) or data)


def test_the_official_layout(raw, tmp_path):
    data = _read(raw, classes=3)
    assert data.schema.classes == ("Clock", "Bottle", "Book")  # by falling frequency in train
    assert [len(split) for split in data.splits.values()] == [2 * 13, 2 * 6]
    visual, labels = _groups(data, "train", VISUAL)
    assert labels.tolist() == [0] * 6 + [2] * 3 + [1] * 4  # in the file's order
    shown = pictures(visual, data.schema.parts)
    assert shown.shape == (13, 3, 8, 8)
    # Each picture's left half has the shade of its number, its right half is black.
    np.testing.assert_allclose(shown[:, :, :, 1].mean((1, 2)), 10 * np.arange(13) + 5, atol=3)
    assert shown[:, :, :, 6].max() < 8
    written, text_labels = _groups(data, "train", TEXT)
    assert texts(written, data.schema.parts)[0] == "a clock reads t0, caption 0."
    assert text_labels.tolist() == labels.tolist()
    assert _groups(data, "test", VISUAL)[1].tolist() == [2, 2, 0, 0, 1, 1]
    assert "of other classes 1 images of train and 1 of test" in data.origin
    assert "left out" not in data.origin
    save_prepared(data, tmp_path / "p")
    assert load_prepared(tmp_path / "p").fingerprint == data.fingerprint


@pytest.mark.parametrize(("classes", "kept"), [(2, 10), (3, 13), (15, 14), (None, 14)])
def test_the_most_frequent_classes_of_train(raw, classes, kept):
    data = _read(raw, classes=classes)
    assert len(data.schema.classes) == min(classes or 99, 4)
    assert len(data.splits["train"]) == 2 * kept
    assert "left out" not in data.origin


def test_equally_frequent_classes_are_taken_by_name(raw):
    def swapped(data):
        return data[::-1]

    before = _read(raw, classes=3).schema.classes
    _edit(raw, TRAIN, swapped)
    assert _read(raw, classes=3).schema.classes == before


def test_recognised_words_of_the_entries(raw):
    def with_words(data):
        for entry in data:
            entry["ocr_tokens"] = ["STOP", entry["image_id"]]

    for name in (TRAIN, VAL):
        _edit(raw, name, with_words)
    data = _read(raw, classes=3, text="ocr")
    assert texts(_groups(data, "train", TEXT)[0], data.schema.parts)[0] == "stop t000"


def test_recognised_words_of_their_own_file(raw):
    with pytest.raises(UserError, match=r"TextVQA_Rosetta_OCR_v0.2_train.json cannot be read"):
        _read(raw, text="ocr")
    for part, prefix, count in (("train", "t", 14), ("val", "vv", 7)):
        words = [
            {"image_id": f"{prefix}{k:03d}", "ocr_tokens": ["Exit", str(k)], "ocr_info": []}
            for k in range(count)
        ]
        write_json(raw / f"TextVQA_Rosetta_OCR_v0.2_{part}.json", words)
    data = _read(raw, classes=3, text="ocr")
    assert texts(_groups(data, "test", TEXT)[0], data.schema.parts)[:2] == ["exit 0", "exit 1"]


def test_all_captions_under_either_name(raw):
    expected = _read(raw, classes=3).fingerprint

    def listed(data):
        for entry in data:
            entry["caption_str"] = entry["reference_strs"]

    def only_references(data):
        for entry in data:
            del entry["caption_str"]

    for change in (listed, only_references):
        _edit(raw, TRAIN, change)
        assert _read(raw, classes=3).fingerprint == expected


def test_subsets_decode_only_what_they_need(raw, monkeypatch):
    seen = []
    real = decoding.squash
    monkeypatch.setattr(decoding, "squash", lambda c, s: seen.append(1) or real(c, s))
    data = _read(raw, classes=2, subset=5)
    assert [len(split) for split in data.splits.values()] == [10, 4]
    assert len(seen) == 5 + 2
    assert "stratified subset of 5 training objects" in data.origin


def test_decoding_is_kept_and_a_replaced_file_is_decoded_again(raw, monkeypatch):
    first = _read(raw, classes=3).fingerprint
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "squash", None)  # decoding again would note every picture
        assert _read(raw, classes=3).fingerprint == first
    source, target = raw / "train_images" / "t005.jpg", raw / "train_images" / "t000.jpg"
    target.write_bytes(source.read_bytes() + b"\0")
    changed = _read(raw, classes=3)
    shown = pictures(_groups(changed, "train", VISUAL)[0], changed.schema.parts)
    np.testing.assert_array_equal(shown[0], shown[5])


@pytest.mark.parametrize("content", [b"", b"<html>", None])
def test_a_picture_that_cannot_be_read_is_counted_and_left_out(raw, caplog, content):
    path = raw / "train_images" / "t002.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    (raw / "train_images" / "vv000.jpg").unlink()
    with caplog.at_level(logging.WARNING):
        data = _read(raw, classes=3)
        again = _read(raw, classes=3)  # from the cache
    assert again.fingerprint == data.fingerprint
    assert again.origin == data.origin
    assert "left out: 2 pictures that cannot be read (first: t002.jpg: " in data.origin
    assert "textcaps: 2 pictures that cannot be read" in caplog.text
    card = data_card(data)["splits"]
    assert card["train"]["groups"] == {"visual": 12, "text": 13}
    assert card["test"]["groups"] == {"visual": 5, "text": 6}
    shown = pictures(_groups(data, "train", VISUAL)[0], data.schema.parts)
    assert shown[:, :, :, :4].reshape(12, -1).max(1).min() > 0  # none is zero
    assert 25 not in np.rint(shown[:, 0, 4, 1])  # t002's shade


def test_an_interrupted_decoding_remembers_what_it_could_not_read(raw, monkeypatch):
    (raw / "train_images" / "t002.jpg").write_bytes(b"")
    (raw / "train_images" / "t010.jpg").write_bytes(b"")
    monkeypatch.setattr(decoding, "CHUNK", 4)
    real, calls = decoding.squash, []

    def interrupted(content, size):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return real(content, size)

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "squash", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _read(raw, classes=3)
    resumed = _read(raw, classes=3)
    assert "2 pictures that cannot be read (first: t002.jpg" in resumed.origin
    assert data_card(resumed)["splits"]["train"]["groups"] == {"visual": 11, "text": 13}
    for path in (raw / ".decoded").rglob("images.npy"):
        path.unlink()
    assert _read(raw, classes=3).fingerprint == resumed.fingerprint


def test_missing_texts_and_labels_are_counted(raw, caplog):
    def bare(data):
        for entry in data:
            if entry["image_id"] == "t001":
                entry.update(caption_str="", reference_strs=[])
            if entry["image_id"] == "t003":
                entry["caption_str"] = "日本"
            if entry["image_id"] == "t004":
                entry["image_classes"] = []

    _edit(raw, TRAIN, bare)
    with caplog.at_level(logging.WARNING):
        data = _read(raw, classes=3)
    assert data_card(data)["splits"]["train"]["groups"] == {"visual": 12, "text": 10}
    for note in (
        "1 train objects without a label (first: t004)",
        "2 texts missing or without a character of the alphabet (first: t001)",
    ):
        assert note in data.origin
        assert f"textcaps: {note}" in caplog.text


def _no_captions(raw):
    def change(data):
        for entry in data:
            entry.update(caption_str="", reference_strs=[])

    _edit(raw, VAL, change)


def _one_class(raw):
    _edit(raw, TRAIN, lambda data: [e for e in data if e["image_classes"][0] == "Clock"])


def _no_images(raw):
    for path in (raw / "train_images").glob("vv*"):
        path.write_bytes(b"")


def _latin_1(raw):
    content = (raw / TRAIN).read_bytes()
    (raw / TRAIN).write_bytes(content.replace(b"caption 1", b"caf\xe9 1 ", 1))


def _without_folder(raw):
    for path in (raw / "train_images").iterdir():
        path.unlink()
    (raw / "train_images").rmdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_folder, "lacks the folder train_images.*textvqa.org"),
        (lambda raw: (raw / VAL).unlink(), f"{VAL} cannot be read: No such file"),
        (_latin_1, rf"{TRAIN} is not UTF-8 at byte \d+, line 1"),
        (lambda raw: (raw / TRAIN).write_text("{"), "not of TextCaps' form"),
        (lambda raw: (raw / TRAIN).write_text("{}"), "form: data: is missing"),
        (lambda raw: write_json(raw / TRAIN, [{"id": 3}]), r"data\[0\].image_id: is missing"),
        (lambda raw: (raw / TRAIN).write_text(100_000 * "["), "not of TextCaps' form"),
        (lambda raw: (raw / TRAIN).write_text("[]"), "not of TextCaps' form"),
        (
            lambda raw: _edit(
                raw, TRAIN, lambda d: [*d, *(d[0] | {"caption_id": [k]} for k in range(29))]
            ),
            r"data\[28\].caption_id.*and \d more",
        ),
        (
            lambda raw: _edit(raw, TRAIN, lambda d: [d[0] | {"image_classes": {"a": 1}}, *d]),
            r"data\[0\].image_classes: ",
        ),
        (
            lambda raw: _edit(
                raw, TRAIN, lambda d: [*d, d[0] | {"caption_id": 7, "image_classes": ["Hat"]}]
            ),
            "entry 28: image t000 has two labels, 'Clock' and 'Hat'",
        ),
        (
            lambda raw: _edit(
                raw, VAL, lambda d: [*d, d[0] | {"image_id": "../../out", "caption_id": 9}]
            ),
            r"'../../out.jpg' does not lie under",
        ),
        (lambda raw: _edit(raw, TRAIN, lambda d: [*d, d[3]]), "caption 1003 is there twice"),
        (lambda raw: write_json(raw / VAL, [{"image_id": "t000"}] * 2), "image t000 is there twi"),
        (
            lambda raw: _edit(
                raw, VAL, lambda d: [*d, d[0] | {"image_id": "t001", "caption_id": 9}]
            ),
            "'test': the id t001 is there twice",
        ),
        (_one_class, "one class only, 'Clock'"),
        (_no_captions, "'test' has no text sample .*7 texts missing|'test' has no text sample"),
        (_no_images, "'test' has no visual sample .*pictures that cannot be read"),
    ],
)
def test_mistakes_are_one_line(raw, damage, message):
    damage(raw)
    with pytest.raises(UserError, match=message) as caught:
        _read(raw, classes=3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config", [{"classes": 1}, {"image_size": 4}, {"text_length": 2}, {"text": "title"}]
)
def test_config_ranges(raw, config):
    with pytest.raises(UserError, match=next(iter(config))):
        _read(raw, **config)
