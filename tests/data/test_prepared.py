import dataclasses
import errno
import hashlib
import json
import os

import numpy as np
import pytest
from pydantic import ValidationError

from latentlab.core.errors import UserError
from latentlab.data import Split, check, load_prepared, prepared, save_prepared
from latentlab.data import packing as storage
from latentlab.data.card import data_card
from latentlab.data.packing import latest_folder, save_latest
from latentlab.data.preview import draw_preview


def test_fingerprint_is_the_documented_digest(make_prepared):
    data = make_prepared()
    digest = hashlib.sha256(data.schema.model_dump_json().encode())
    for name in ("test", "train"):
        split = data.splits[name]
        digest.update(f"\n{name} |u1 (12, 3, 5, 4)\n".encode() + split.features.tobytes())
        digest.update(f"\n{name} <i8 (12,)\n".encode() + split.labels.astype("<i8").tobytes())
    assert data.fingerprint == digest.hexdigest()


def test_fingerprint_ignores_layout_and_chunking(make_prepared, monkeypatch):
    features = np.random.default_rng(1).integers(0, 256, (12, 3, 5, 4), dtype=np.uint8)
    expected = make_prepared(features).fingerprint
    monkeypatch.setattr(prepared, "CHUNK_BYTES", 130)
    assert make_prepared(np.asfortranarray(features)).fingerprint == expected
    single = features.astype(np.float32)
    swapped = single.astype(">f4")
    little, big = make_prepared(single), make_prepared(swapped, dtype="float32")
    assert little.fingerprint == big.fingerprint


def test_fingerprint_sees_content_labels_and_schema_but_not_origin(make_prepared):
    base = make_prepared()
    pixel = base.splits["train"].features.copy()
    pixel[3, 1, 2, 2] ^= 1
    others = [
        make_prepared(pixel),
        make_prepared(labels=(np.arange(12) + 1) % 3),
        make_prepared(classes=("a", "b", "d")),
        make_prepared(splits={"train": base.splits["train"]}),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 5
    assert dataclasses.replace(base, origin="elsewhere").fingerprint == base.fingerprint


def with_groups(data, groups):
    test = dataclasses.replace(data.splits["test"], groups=np.array(groups, dtype=np.int64))
    return dataclasses.replace(data, splits={**data.splits, "test": test})


def test_groups_change_no_fingerprint_and_are_kept_apart(make_prepared, tmp_path):
    data = make_prepared()
    assert data.grouping == ""
    grouped, others = (with_groups(data, np.arange(12) // k) for k in (2, 3))
    assert grouped.fingerprint == others.fingerprint == data.fingerprint
    assert len({grouped.grouping, others.grouping, ""}) == 3
    for one in (grouped, others):
        save_latest(one, tmp_path)
        found = load_prepared(latest_folder(tmp_path))
        assert found.grouping == one.grouping
        assert found.splits["test"].groups.tolist() == one.splits["test"].groups.tolist()
        assert found.splits["train"].groups is None
    assert data_card(others)["splits"]["test"]["groups_of_examples"] == 4
    assert others.splits["test"].take(np.array([0, 5])).groups.tolist() == [0, 1]
    np.save(found.folder / "test_groups.npy", np.arange(12))
    with pytest.raises(UserError, match="has changed since it was prepared"):
        load_prepared(found.folder)
    with pytest.raises(UserError, match=r"groups of type int64 \(11,\), not an int64 for each"):
        check(with_groups(data, np.arange(11)))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_card(make_prepared, dtype, monkeypatch):
    monkeypatch.setattr(prepared, "CHUNK_BYTES", 500)
    data = make_prepared(
        np.random.default_rng(0).integers(0, 200, (13, 3, 5, 4)).astype(dtype), scale=200.0
    )
    card = json.loads(json.dumps(data_card(data)))
    unit = data.splits["train"].features / 200
    assert card["pixels"] == pytest.approx({"mean": unit.mean(), "sd": unit.std()})
    assert card["splits"]["train"] == {"examples": 13, "classes": {"a": 5, "b": 4, "c": 4}}
    assert card["fingerprint"] == data.fingerprint
    assert card["schema"]["shape"] == [3, 5, 4]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_preview_shows_each_class_in_its_row(make_prepared, channels):
    labels = np.repeat(np.arange(3), 4)
    features = np.zeros((12, channels, 24, 24), dtype=np.uint8)
    features += (80 * labels)[:, None, None, None].astype(np.uint8)
    picture = np.asarray(draw_preview(make_prepared(features, labels), columns=2))
    assert picture.shape == (3 * 50, 110 + 2 * 50, 3)
    for row in range(3):
        assert (picture[50 * row + 10, 110 + 10] == 80 * row).all()


def test_save_and_load_round_trip(make_prepared, tmp_path):
    data = make_prepared()
    save_prepared(data, tmp_path / "a" / "small")
    loaded = load_prepared(tmp_path / "a" / "small")
    assert loaded.schema == data.schema
    assert loaded.origin == data.origin
    assert list(loaded.splits) == ["train", "test"]
    assert loaded.fingerprint == data.fingerprint
    features = loaded.splits["train"].features
    assert isinstance(features, np.memmap)
    assert not features.flags.writeable
    names = {path.name for path in (tmp_path / "a" / "small").iterdir()}
    arrays = {f"{s}_{k}.npy" for s in ("train", "test") for k in ("features", "labels")}
    assert names == arrays | {"card.json", "preview.png"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["small"]


def test_save_replaces_an_older_one_even_the_one_it_maps(make_prepared, tmp_path):
    folder = tmp_path / "small"
    save_prepared(make_prepared(), folder)
    old = load_prepared(folder)
    save_prepared(make_prepared(scale=256.0), folder)
    assert load_prepared(folder).schema.scale == 256
    save_prepared(old, folder)
    assert load_prepared(folder).fingerprint == old.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_save_refuses_to_replace_other_files(make_prepared, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="not written by latentlab"):
        save_prepared(make_prepared(), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_full_disk_leaves_the_older_one(make_prepared, tmp_path, monkeypatch):
    folder = tmp_path / "small"
    save_prepared(make_prepared(), folder)

    def full(path, *args, **kwargs):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage.np, "save", full)
    with pytest.raises(UserError, match=r"small.*No space left.*Free space"):
        save_prepared(make_prepared(scale=256.0), folder)
    assert load_prepared(folder).schema.scale == 255
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_failed_exchange_restores_the_older_one(make_prepared, tmp_path, monkeypatch):
    folder = tmp_path / "small"
    save_prepared(make_prepared(), folder)
    real = os.replace

    def failing(source, target):
        if str(source).endswith(".partial"):
            raise OSError(errno.EIO, "disk trouble")
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(UserError, match="disk trouble"):
        save_prepared(make_prepared(scale=256.0), folder)
    assert load_prepared(folder).schema.scale == 255


def test_save_into_an_impossible_folder(make_prepared, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        save_prepared(make_prepared(), tmp_path / "file" / "small")


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def _edit(key, value):
    def damage(path):
        card = json.loads(path.read_text())
        path.write_text(json.dumps(card | {key: value}))

    return damage


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("card.json", lambda path: path.unlink(), "cannot be read"),
        ("card.json", lambda path: path.write_text("{"), "not the card"),
        ("card.json", lambda path: path.write_text("[]"), "not the card"),
        ("card.json", _edit("schema", {"name": "x"}), "schema of another form"),
        ("card.json", _edit("splits", {"train": 11}), "not the card"),
        ("train_features.npy", lambda path: path.unlink(), "cannot be read"),
        ("train_features.npy", _truncate, "truncated"),
        ("train_features.npy", lambda path: path.write_bytes(b""), "truncated"),
        ("train_features.npy", lambda path: np.save(path, np.zeros(3)), "unlike its card"),
        ("test_labels.npy", lambda path: np.save(path, np.zeros(3)), "unlike its card"),
        ("test_labels.npy", lambda path: np.save(path, np.array([{}])), "truncated or no"),
    ],
)
def test_damage_is_named(make_prepared, tmp_path, file, damage, message):
    save_prepared(make_prepared(), tmp_path / "small")
    damage(tmp_path / "small" / file)
    with pytest.raises(UserError, match=rf"{file} .*{message}.*Prepare the source again"):
        load_prepared(tmp_path / "small")


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        load_prepared(tmp_path / "nowhere")


def test_a_changed_pixel_is_found_also_after_the_data_were_read(make_prepared, tmp_path):
    save_prepared(make_prepared(), tmp_path / "small")
    assert load_prepared(tmp_path / "small") is load_prepared(tmp_path / "small")
    flip(tmp_path / "small" / "train_features.npy")
    with pytest.raises(UserError, match="changed since it was prepared"):
        load_prepared(tmp_path / "small")


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_data_lie_under_their_fingerprint_and_are_written_once(make_prepared, tmp_path):
    first, second = make_prepared(), make_prepared(scale=256.0)
    with pytest.raises(UserError, match=r"latest.txt cannot be read.*Prepare the source again"):
        latest_folder(tmp_path)
    for name in ("card.json", "train_labels.npy", "preview.png", "notes.txt"):
        (tmp_path / name).write_text("of the first edition")
    save_latest(first, tmp_path)
    folder = latest_folder(tmp_path)
    assert first.fingerprint.startswith(folder.name)
    reader, written = load_prepared(folder), (folder / "card.json").stat().st_ino
    save_latest(first, tmp_path)
    assert (folder / "card.json").stat().st_ino == written
    save_latest(second, tmp_path)
    assert load_prepared(latest_folder(tmp_path)).fingerprint == second.fingerprint
    assert {p.name for p in tmp_path.iterdir()} == {
        "latest.txt",
        "notes.txt",
        second.fingerprint[:16],
    }
    # Whoever read the first goes on reading it.
    assert (reader.splits["train"].features == first.splits["train"].features).all()


@pytest.mark.parametrize("name", ["test_features.npy", "card.json", "preview.png"])
@pytest.mark.parametrize("damage", [flip, os.unlink])
def test_damaged_data_are_prepared_anew(make_prepared, tmp_path, name, damage):
    data = make_prepared()
    save_latest(data, tmp_path)
    whole = {p.name: p.read_bytes() for p in latest_folder(tmp_path).iterdir()}
    damage(latest_folder(tmp_path) / name)
    save_latest(data, tmp_path)
    assert {p.name: p.read_bytes() for p in latest_folder(tmp_path).iterdir()} == whole


@pytest.mark.parametrize("content", [b"../elsewhere", b"", b"\xff", b"0123"])
def test_a_damaged_name_of_the_latest_data_is_one_line(tmp_path, content):
    (tmp_path / "latest.txt").write_bytes(content)
    with pytest.raises(UserError, match="names no folder"):
        latest_folder(tmp_path)


def test_schema_is_strict():
    with pytest.raises(ValidationError):
        prepared.Schema(name="x", shape=(1, 2, 2), dtype="uint8", scale=0.0, classes=("a",))


def test_check_accepts_good_data(make_prepared):
    check(make_prepared())
    check(make_prepared(np.random.default_rng(0).random((6, 1, 2, 2), np.float32), scale=1.0))
    check(make_prepared(np.full((6, 1, 2, 2), 16, np.uint8), scale=16.0))


def _floats(value):
    features = np.zeros((6, 1, 2, 2), np.float32)
    features[4, 0, 1, 1] = value
    return features


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"features": _floats(np.nan), "scale": 1.0}, "NaN"),
        ({"features": _floats(np.inf), "scale": 1.0}, "NaN or inf"),
        ({"features": _floats(1.5), "scale": 1.0}, r"values 0.0..1.5, outside 0..1"),
        ({"features": _floats(-0.5), "scale": 1.0}, r"values -0.5..0.0"),
        ({"features": np.full((6, 1, 2, 2), 17, np.uint8), "scale": 16.0}, r"17..17, outside"),
        ({"labels": np.zeros(12)}, "one class only, 'a'"),
        ({"labels": np.arange(12)}, r"labels 0..11, outside 0..2"),
        ({"labels": np.arange(12) % 3 - 1}, r"labels -1..1"),
        ({"labels": np.arange(11) % 3}, "12 images but 11 labels"),
        ({"features": np.zeros((0, 1, 2, 2), np.uint8)}, "is empty"),
        ({"dtype": "uint16"}, "holds uint8"),
        ({"shape": (3, 4, 5)}, r"\(3, 5, 4\), not uint8 \(3, 4, 5\)"),
    ],
)
def test_check_refuses(make_prepared, parts, message):
    with pytest.raises(UserError, match=f"Source 'small', split 'train'.*{message}"):
        check(make_prepared(**parts))


def test_check_needs_both_splits_and_integer_labels(make_prepared):
    split = make_prepared().splits["train"]
    with pytest.raises(UserError, match="no split 'test'"):
        check(make_prepared(splits={"train": split}))
    wrong = Split(split.features, split.labels.astype(np.int32))
    with pytest.raises(UserError, match="int32"):
        check(make_prepared(splits={"train": wrong, "test": split}))
