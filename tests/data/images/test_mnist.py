import dataclasses
import gzip
import hashlib
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from labs.source_files import SHARED, idx_arrays, idx_bytes, write_idx
from latentlab.core.errors import UserError
from latentlab.data import prepare
from latentlab.data.card import data_card
from latentlab.data.images.fashion_mnist import DATASET as FASHION
from latentlab.data.images.idx_dataset import FILE_NAMES
from latentlab.data.images.mnist import DATASET, MnistConfig
from latentlab.data.io import idx
from latentlab.data.io.idx import parse_idx, read_unpacked

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@settings(deadline=None, max_examples=50)
@given(arrays(np.uint8, array_shapes(max_dims=3, max_side=6, min_side=1)), st.booleans())
def test_idx_round_trip(tmp_path_factory, array, packed):
    path = tmp_path_factory.getbasetemp() / "round-trip"
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(parse_idx(read_unpacked(path, ""), array.ndim, path, ""), array)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=40))
def test_idx_never_fails_otherwise(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "noise"
    for start in (b"", bytes((0, 0, 8, 1)), b"\x1f\x8b", b"\x1f\x8b\x08\x00"):
        path.write_bytes(start + content)
        try:
            assert parse_idx(read_unpacked(path, "Fetch it."), 1, path, "Fetch it.").ndim == 1
        except UserError as error:
            message = str(error)
        else:
            message = f"{path} Fetch it."
        assert "noise" in message
        assert message.endswith("Fetch it.")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dotted", [True, False])
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_every_naming(tmp_path, name, packed, dotted):
    content = idx_arrays()
    write_idx(tmp_path, content, packed, dotted)
    data = prepare(name, {"download": False}, tmp_path)
    assert data.schema.shape == (1, 28, 28)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        part = data.splits[split]
        np.testing.assert_array_equal(part.features[:, 0], content[f"{prefix}-images-idx3-ubyte"])
        np.testing.assert_array_equal(part.labels, content[f"{prefix}-labels-idx1-ubyte"])


@pytest.mark.parametrize("packed", [True, False])
def test_splits_are_official_only_where_digests_agree(tmp_path, packed, caplog):
    write_idx(tmp_path, idx_arrays(), packed)
    for name in ("mnist", "fashion_mnist"):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            data = prepare(name, None, tmp_path)
        assert "official splits" not in data.origin
        assert "not known to be the official ones (train-images-idx3-ubyte" in data.origin
        assert len(caplog.records) == 1
        assert "t10k-labels-idx1-ubyte" in caplog.text
    digests = {n: hashlib.md5(idx_bytes(array)).hexdigest() for n, array in idx_arrays().items()}
    known = dataclasses.replace(DATASET, unpacked_md5=digests)
    assert known.read(MnistConfig(), tmp_path).origin.endswith("BY-SA 3.0), official splits")


def test_a_file_that_unpacks_to_more_than_any(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "LARGEST", 40_000)
    write_idx(tmp_path, idx_arrays())
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz unpacks to more than 40000"):
        prepare("mnist", None, tmp_path)


def _replaced(name, content):
    return lambda folder: (folder / f"{name}.gz").write_bytes(content)


def _cut(folder):
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-100])


def _flip(folder):
    path = folder / f"{IMAGES}.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 255  # a byte of the checksum
    path.write_bytes(content)


IMAGE_BYTES = idx_bytes(idx_arrays()[IMAGES])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / f"{IMAGES}.gz").unlink(), f"lacks {IMAGES}.gz"),
        (_cut, f"{IMAGES}.gz is a truncated gzip"),
        (_flip, f"{IMAGES}.gz is a damaged gzip"),
        (_replaced(IMAGES, IMAGE_BYTES[:-1]), f"{IMAGES}.gz is truncated: 47039 bytes.*47040"),
        (_replaced(IMAGES, IMAGE_BYTES + b"x"), f"{IMAGES}.gz is too long"),
        (_replaced(IMAGES, IMAGE_BYTES[:9]), "truncated within its header"),
        (_replaced(IMAGES, b""), "starts with nothing"),
        (_replaced(IMAGES, b"<html>"), "starts with 0x3c68746d, not 0x00000803"),
        (_replaced(IMAGES, idx_bytes(np.zeros(60))), "0x00000801, not 0x00000803"),
        (_replaced(LABELS, idx_bytes(np.zeros(59))), f"{LABELS}.gz has 59 labels for 60 images"),
        (_replaced(LABELS, idx_bytes(np.full(60, 10))), r"labels 10..10, outside 0..9"),
        (_replaced(LABELS, idx_bytes(np.zeros(60))), "one class only"),
        (_replaced(IMAGES, idx_bytes(np.zeros((60, 8, 8)))), "size 8x8, not 28x28"),
    ],
)
def test_damage_is_named(tmp_path, damage, message):
    write_idx(tmp_path, idx_arrays())
    damage(tmp_path)
    with pytest.raises(UserError, match=message):
        prepare("mnist", {"download": False}, tmp_path)


def test_unreadable_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_unpacked(tmp_path, "")


@pytest.fixture
def official(server):
    """A data set whose official address is this machine's server."""
    folder, address = server
    write_idx(folder, idx_arrays())
    digests = {n: hashlib.md5((folder / f"{n}.gz").read_bytes()).hexdigest() for n in FILE_NAMES}
    served = dataclasses.replace(DATASET, addresses=(address,), packed_md5=digests, unpacked_md5={})
    return folder, served


def test_download(tmp_path, official):
    _, dataset = official
    raw = tmp_path / "raw"
    data = dataset.read(MnistConfig(), raw)
    assert sorted(path.name for path in raw.iterdir()) == sorted(f"{n}.gz" for n in FILE_NAMES)
    # The second time the files are there, and no address is asked.
    again = dataclasses.replace(dataset, addresses=("http://127.0.0.1:1/",))
    assert again.read(MnistConfig(), raw).fingerprint == data.fingerprint
    assert data.origin.endswith("official splits")


def test_download_tries_the_next_address(tmp_path, official):
    _, dataset = official
    mirrors = ("https://nowhere.invalid/", dataset.addresses[0] + "missing/", *dataset.addresses)
    dataset = dataclasses.replace(dataset, addresses=mirrors)
    assert len(dataset.read(MnistConfig(), tmp_path / "raw").splits["train"]) == 60


def test_download_of_other_content(tmp_path, official):
    folder, dataset = official
    (folder / f"{IMAGES}.gz").write_bytes(b"something else")
    with pytest.raises(UserError, match=rf"{IMAGES}.gz \(md5 .* is not "):
        dataset.read(MnistConfig(), tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []


def test_no_network(tmp_path):
    with pytest.raises(UserError) as caught:
        prepare("fashion_mnist", None, tmp_path / "raw")
    message = str(caught.value)
    assert "Name or service not known" in message
    assert all(address in message for address in FASHION.addresses)
    assert str(tmp_path / "raw") in message
    assert all(f"{name}.gz" in message for name in FILE_NAMES)


def test_download_into_an_impossible_folder(tmp_path, official):
    _, dataset = official
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        dataset.read(MnistConfig(), tmp_path / "file" / "raw")


@pytest.mark.skipif(not (SHARED / "mnist").is_dir(), reason="no real MNIST on this machine")
def test_real_mnist(caplog):
    data = prepare("mnist", {"download": False}, SHARED / "mnist")
    assert not caplog.records
    assert data.origin.endswith("official splits")
    train, test = data.splits["train"], data.splits["test"]
    assert train.features.shape == (60000, 1, 28, 28)
    assert test.features.shape == (10000, 1, 28, 28)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.labels).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(test.labels).tolist() == counts
    assert data_card(data)["pixels"] == pytest.approx({"mean": 0.1307, "sd": 0.3081}, abs=5e-5)
