import gzip
import hashlib
import io
import itertools
import logging
import os
import pickle
import subprocess
import tarfile

import numpy as np
import pytest
from PIL import Image

from labs.source_files import (
    SHARED,
    cifar_arrays,
    pack,
    write_cifar_bin,
    write_cifar_py,
)
from latentlab.core.errors import UserError
from latentlab.data import prepare
from latentlab.data.card import data_card
from latentlab.data.images import cifar10
from latentlab.data.images.cifar10 import CLASSES

WRITERS = {
    "cifar-10-batches-bin": ("cifar-10-binary.tar.gz", write_cifar_bin),
    "cifar-10-batches-py": ("cifar-10-python.tar.gz", write_cifar_py),
}
OFFLINE = {"download": False}


def _assert_equal(data, arrays):
    batches = [arrays[f"data_batch_{k}"] for k in range(1, 6)]
    for name, expected in (("train", batches), ("test", [arrays["test_batch"]])):
        split = data.splits[name]
        pixels = np.concatenate([pixels for pixels, _ in expected])
        # The format's own words: 1024 red bytes, then green, then blue, row by row.
        assert split.features.shape == (len(pixels), 3, 32, 32)
        np.testing.assert_array_equal(split.features[:, 1, 2, 3], pixels[:, 1024 + 2 * 32 + 3])
        np.testing.assert_array_equal(split.features.reshape(len(pixels), -1), pixels)
        np.testing.assert_array_equal(split.labels, np.concatenate([y for _, y in expected]))


@pytest.mark.parametrize("layout", WRITERS)
@pytest.mark.parametrize("wrapping", ["folder", "flat", "archive"])
def test_every_layout(tmp_path, layout, wrapping, caplog):
    arrays, (archive, write) = cifar_arrays(), WRITERS[layout]
    raw = tmp_path / "raw"
    raw.mkdir()
    write({"folder": raw / layout, "flat": raw, "archive": tmp_path / layout}[wrapping], arrays)
    if wrapping == "archive":
        pack(tmp_path / layout, raw / archive)
    with caplog.at_level(logging.WARNING):
        data = prepare("cifar10", OFFLINE, raw)
    _assert_equal(data, arrays)
    assert "not known to be official files of CIFAR-10" in caplog.text
    assert [p.name for p in raw.iterdir() if p.name.startswith(".")] == []
    if wrapping == "archive":  # unpacked once
        (raw / archive).unlink()
        _assert_equal(prepare("cifar10", OFFLINE, raw), arrays)


@pytest.mark.parametrize("protocol", [3, 4])
def test_pickles_of_python_3(tmp_path, protocol):
    arrays = cifar_arrays()
    write_cifar_py(tmp_path, arrays, lambda batch: pickle.dumps(batch, protocol))
    _assert_equal(prepare("cifar10", OFFLINE, tmp_path), arrays)


class _Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, "system"), (eval, "eval"), (getattr, "getattr"), (subprocess.Popen, "Popen")],
)
def test_malicious_pickles_are_refused_unexecuted(tmp_path, function, name, protocol):
    write_cifar_py(tmp_path, cifar_arrays())
    argument = f"touch {tmp_path}/marker" if function is os.system else "1"
    batch = {"data": _Call(function, argument)}
    (tmp_path / "data_batch_3").write_bytes(pickle.dumps(batch, protocol))
    with pytest.raises(UserError, match=rf"data_batch_3 is refused.*{name}.*could run code"):
        prepare("cifar10", OFFLINE, tmp_path)
    assert not (tmp_path / "marker").exists()


IMAGES, LABELS = np.zeros((4, 3072), np.uint8), [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([1, 2], "no dictionary"),
        ({b"labels": LABELS}, "no array of bytes"),
        ({b"data": IMAGES.astype(float), b"labels": LABELS}, "no array of bytes"),
        ({b"data": IMAGES[:, :100], b"labels": LABELS}, "images of 100 bytes, not 3072"),
        ({b"data": IMAGES}, r"no list of numbers 0\.\.9"),
        ({b"data": IMAGES, b"labels": [0, 1, 2, 10]}, r"no list of numbers 0\.\.9"),
        ({b"data": IMAGES, b"labels": ["cat"] * 4}, r"no list of numbers 0\.\.9"),
        ({b"data": IMAGES, b"labels": [0, 1, 2]}, "3 labels for 4 images"),
    ],
)
def test_pickles_of_another_form(tmp_path, batch, message):
    write_cifar_py(tmp_path, cifar_arrays())
    (tmp_path / "test_batch").write_bytes(pickle.dumps(batch, 3))
    with pytest.raises(UserError, match=f"test_batch .*{message}.*Put cifar-10-binary.tar.gz"):
        prepare("cifar10", OFFLINE, tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "data_batch_1.bin is truncated: 61459"),
        (lambda p: p.write_bytes(b""), "data_batch_1.bin is truncated"),
        (lambda p: p.write_bytes(b"\x0b" + p.read_bytes()[1:]), r"labels 0\.\.11, outside"),
        (lambda p: p.unlink(), "lacks the file data_batch_1"),
    ],
)
def test_damaged_records(tmp_path, damage, message):
    write_cifar_bin(tmp_path / "cifar-10-batches-bin", cifar_arrays())
    damage(tmp_path / "cifar-10-batches-bin" / "data_batch_1.bin")
    with pytest.raises(UserError, match=message):
        prepare("cifar10", OFFLINE, tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"neither cifar-10-batches-bin nor .*cs\.toronto\.edu"):
        prepare("cifar10", OFFLINE, tmp_path)
    with pytest.raises(UserError, match=r"No download from .*put by hand.*cifar-10-binary.tar.gz"):
        prepare("cifar10", None, tmp_path)


def _truncated(path):
    path.write_bytes(path.read_bytes()[:5000])


def _escaping(path):
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("../escaped.txt")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))


class _Zeros(io.RawIOBase):
    def read(self, size=-1):
        return bytes(size)


def _bomb(path):
    """A third of a gigabyte of zeros in a file of some hundred kilobytes."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.size = 300 << 20
        tar.addfile(member, _Zeros())


def _bomb_of_a_header(path):
    with gzip.open(path, "wb", compresslevel=1) as out:
        member = tarfile.TarInfo("header")
        member.type, member.size = tarfile.XHDTYPE, 300 << 20
        out.write(member.tobuf())
        for _ in range(300):
            out.write(bytes(1 << 20))


def _empty(path):
    with tarfile.open(path, "w:gz"):
        pass


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncated, "is a truncated gzip"),
        (_escaping, "not to be trusted.*OutsideDestination"),
        (_empty, "holds no folder cifar-10-batches-bin"),
        (_bomb, "unpacks to more than 268435456 bytes"),
        (_bomb_of_a_header, "unpacks to more than 268435456 bytes"),
        (lambda path: path.write_bytes(b"<html>"), "is a damaged gzip"),
    ],
)
def test_damaged_archives(tmp_path, damage, message):
    write_cifar_bin(tmp_path / "cifar-10-batches-bin", cifar_arrays())
    raw = tmp_path / "raw"
    raw.mkdir()
    pack(tmp_path / "cifar-10-batches-bin", raw / "cifar-10-binary.tar.gz")
    damage(raw / "cifar-10-binary.tar.gz")
    with pytest.raises(UserError, match=message):
        prepare("cifar10", OFFLINE, raw)
    assert [path.name for path in raw.iterdir()] == ["cifar-10-binary.tar.gz"]
    assert not (tmp_path / "escaped.txt").exists()


def test_what_a_killed_unpacking_left_goes(tmp_path):
    write_cifar_bin(tmp_path / "cifar-10-batches-bin", cifar_arrays())
    raw = tmp_path / "raw"
    old, recent = (raw / f".cifar-10-batches-bin.{which}.partial" for which in ("1", "2"))
    for left in (old, recent):
        left.mkdir(parents=True)
        (left / "data_batch_1.bin").write_bytes(b"half")
    os.utime(old, (0, 0))
    pack(tmp_path / "cifar-10-batches-bin", raw / "cifar-10-binary.tar.gz")
    prepare("cifar10", OFFLINE, raw)
    # The recent one may be another run's.
    assert [path.name for path in raw.glob(".*")] == [recent.name]


def test_unpacking_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cifar10.Path, "mkdir", denied)
    with pytest.raises(UserError, match="cannot be written: Permission denied"):
        prepare("cifar10", OFFLINE, tmp_path)


def test_download(tmp_path, server, monkeypatch):
    folder, address = server
    arrays = cifar_arrays()
    write_cifar_bin(tmp_path / "cifar-10-batches-bin", arrays)
    pack(tmp_path / "cifar-10-batches-bin", folder / "cifar-10-binary.tar.gz")
    md5 = hashlib.md5((folder / "cifar-10-binary.tar.gz").read_bytes()).hexdigest()
    name = "cifar-10-binary.tar.gz"
    monkeypatch.setattr(cifar10, "BIN_ARCHIVE", cifar10.Remote(name, (address + name,), md5))
    _assert_equal(prepare("cifar10", None, tmp_path / "raw"), arrays)


@pytest.mark.parametrize("layout", WRITERS)
def test_splits_are_official_only_where_digests_agree(tmp_path, layout, monkeypatch, caplog):
    WRITERS[layout][1](tmp_path, cifar_arrays())
    data = prepare("cifar10", OFFLINE, tmp_path)
    assert data.origin.startswith("Files in the layout of CIFAR-10 (Krizhevsky 2009), not known")
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(
        cifar10, "DIGESTS", {name: hashlib.sha1(c).hexdigest() for name, c in files.items()}
    )
    caplog.clear()
    assert prepare("cifar10", OFFLINE, tmp_path).origin.endswith("2009), official splits")
    assert not caplog.records
    changed = sorted(files)[2]
    content = bytearray(files[changed])
    content[-100] ^= 1  # of a pixel, or of a byte of text
    (tmp_path / changed).write_bytes(content)
    assert f"({changed})" in prepare("cifar10", OFFLINE, tmp_path).origin


def test_labels_that_are_no_numbers(tmp_path):
    write_cifar_py(tmp_path, cifar_arrays())
    batch = {b"data": IMAGES, b"labels": [np.arange(3)] * 4}
    (tmp_path / "test_batch").write_bytes(pickle.dumps(batch, 3))
    with pytest.raises(UserError, match=r"no list of numbers 0\.\.9"):
        prepare("cifar10", OFFLINE, tmp_path)


def test_subset(tmp_path):
    write_cifar_bin(tmp_path, cifar_arrays())
    data = prepare("cifar10", {"subset": 50}, tmp_path)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 50, "test": 10}
    assert np.bincount(data.splits["train"].labels).tolist() == [5] * 10


REAL = SHARED / "cifar10_jpg" / "CIFAR-10-images.tar.xz"


@pytest.mark.skipif(not REAL.is_file(), reason="no real CIFAR-10 pictures on this machine")
def test_real_pictures(tmp_path):
    """240 real pictures through the official format: every fiftieth of the first three classes."""
    pixels, labels = [], []
    with tarfile.open(REAL, "r|xz") as tar:
        for member in itertools.islice(tar, 0, 12000, 50):
            image = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
            pixels.append(np.asarray(image).transpose(2, 0, 1).ravel())
            labels.append(CLASSES.index(member.name.split("/")[-2]))
    pixels, labels = np.stack(pixels), np.array(labels, dtype=np.uint8)
    batches = {name: (pixels[k::6], labels[k::6]) for k, name in enumerate(cifar_arrays(1))}
    write_cifar_bin(tmp_path, batches)
    data = prepare("cifar10", OFFLINE, tmp_path)
    _assert_equal(data, batches)
    counts = np.bincount(data.splits["train"].labels, minlength=10)
    assert (counts > 0).tolist() == [True, True, True] + [False] * 7
    # The official training mean is 0.473 and the deviation 0.251 over all classes and channels.
    assert data_card(data)["pixels"] == pytest.approx({"mean": 0.47, "sd": 0.25}, abs=0.06)
