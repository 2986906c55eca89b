import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from labs.project_copies import CHECKOUT
from labs.source_files import ATTRIBUTES, jpeg_bytes, write_celeba
from latentlab.core.errors import UserError
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.data.images import celeba
from latentlab.data.io import image_cache as decoding
from latentlab.data.io.image_cache import decode_images, resize_and_crop

SIZES = {"train": 24, "validation": 8, "test": 8}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("celeba")
    write_celeba(folder)
    return folder


@pytest.fixture
def raw(template, tmp_path):
    """The official files in a folder that a test may change."""
    folder = tmp_path / "raw"
    (folder / "img_align_celeba").mkdir(parents=True)
    for path in template.rglob("*.*"):
        os.link(path, folder / path.relative_to(template))
    return folder


def _attribute(name, first, count):
    divisor = ATTRIBUTES.index(name) + 1
    return [k // divisor % 2 for k in range(first, first + count)]


def _jpeg(k):
    return resize_and_crop(jpeg_bytes(k), 64)


def test_official_splits(raw, tmp_path):
    data = prepare("celeba", None, raw)
    assert {name: len(split) for name, split in data.splits.items()} == SIZES
    assert data.schema.shape == (3, 64, 64)
    assert data.schema.classes == ("not Smiling", "Smiling")
    first = 0
    for name, count in SIZES.items():
        split = data.splits[name]
        assert isinstance(split.features, np.memmap)
        assert split.labels.tolist() == _attribute("Smiling", first, count)
        np.testing.assert_array_equal(
            split.features, [_jpeg(k) for k in range(first, first + count)]
        )
        first += count
    save_prepared(data, tmp_path / "prepared")
    assert load_prepared(tmp_path / "prepared").fingerprint == data.fingerprint


def test_resize_and_crop_by_hand():
    """178x218 becomes 64x78 (int, not round, of 78.38), of which rows 7..70 stay."""
    content = jpeg_bytes(3)
    full = Image.open(io.BytesIO(content)).resize((64, 78), Image.Resampling.BILINEAR)
    expected = np.asarray(full)[7:71].transpose(2, 0, 1)
    np.testing.assert_array_equal(resize_and_crop(content, 64), expected)


@pytest.mark.parametrize("size", [(178, 218), (218, 178), (50, 50), (64, 131)])
def test_resize_and_crop_is_square(size):
    assert resize_and_crop(jpeg_bytes(0, size), 32).shape == (3, 32, 32)


def test_grey_photographs_become_colour():
    out = io.BytesIO()
    Image.fromarray(np.full((20, 20), 90, np.uint8)).save(out, "JPEG")
    assert np.abs(resize_and_crop(out.getvalue(), 8).astype(int) - 90).max() <= 1


def test_another_attribute_uses_the_same_cache(raw, monkeypatch):
    prepare("celeba", None, raw)
    monkeypatch.setattr(decoding, "resize_and_crop", None)  # decoding again would fail
    data = prepare("celeba", {"attribute": "Male"}, raw)
    assert data.splits["test"].labels.tolist() == _attribute("Male", 32, 8)
    assert len(list((raw / ".decoded").iterdir())) == 1


def test_the_cache_outlives_the_photographs(raw):
    expected = prepare("celeba", None, raw).fingerprint
    for path in (raw / "img_align_celeba").iterdir():
        path.unlink()
    assert prepare("celeba", None, raw).fingerprint == expected
    with pytest.raises(UserError, match=r"lacks 000001.jpg and 39 more"):
        prepare("celeba", {"image_size": 32}, raw)


def test_size_and_subset_have_their_own_caches(raw):
    assert prepare("celeba", {"image_size": 32}, raw).schema.shape == (3, 32, 32)
    data = prepare("celeba", {"subset": 12, "workers": 1}, raw)
    assert [len(split) for split in data.splits.values()] == [12, 4, 4]
    assert np.bincount(data.splits["train"].labels).min() >= 4
    np.testing.assert_array_equal(data.splits["train"].features.shape, (12, 3, 64, 64))
    assert len(list((raw / ".decoded").iterdir())) == 2


@pytest.mark.parametrize("prefix", ["", "img_align_celeba/"])
def test_zip_and_the_authors_folders(raw, tmp_path, prefix):
    expected = prepare("celeba", None, raw).fingerprint
    other = tmp_path / "other"
    for folder in ("Anno", "Eval", "Img"):
        (other / folder).mkdir(parents=True)
    os.link(raw / "list_attr_celeba.txt", other / "Anno" / "list_attr_celeba.txt")
    os.link(raw / "list_eval_partition.txt", other / "Eval" / "list_eval_partition.txt")
    with zipfile.ZipFile(other / "Img" / "img_align_celeba.zip", "w") as archive:
        for path in sorted((raw / "img_align_celeba").iterdir()):
            archive.write(path, prefix + path.name)
    assert prepare("celeba", None, other).fingerprint == expected


def _names(count):
    return [f"{k:06d}.jpg" for k in range(count)]


def _counting(opened, stop_at=None, error=KeyboardInterrupt):
    def opener(name):
        if stop_at is not None and int(name[:6]) == stop_at:
            raise error
        opened.append(name)
        return jpeg_bytes(int(name[:6]), (20, 24))

    return lambda: opener


def test_interrupted_decoding_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "CHUNK", 4)
    expected = decode_images(_names(18), _counting([]), 8, 1, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        decode_images(_names(18), _counting([], stop_at=10), 8, 2, tmp_path / "cache")
    assert not (tmp_path / "cache" / "images.npy").exists()
    opened = []
    resumed = decode_images(_names(18), _counting(opened), 8, 2, tmp_path / "cache")
    assert sorted(opened) == _names(18)[8:]
    np.testing.assert_array_equal(resumed, expected)
    assert {path.name for path in (tmp_path / "cache").iterdir()} <= {
        "images.npy",
        "complete.json",
        ".lock",
    }


def test_killed_decoding_resumes(tmp_path):
    code = f"""
import os, sys
sys.path.insert(0, {str(CHECKOUT / "tests")!r})
from pathlib import Path
from latentlab.data.io import image_cache as decoding
from labs.source_files import jpeg_bytes
decoding.CHUNK = 4
def opener(name):
    if name == "000010.jpg":
        os.kill(os.getpid(), {int(signal.SIGKILL)})
    return jpeg_bytes(int(name[:6]), (20, 24))
names = [f"{{k:06d}}.jpg" for k in range(18)]
decoding.decode_images(names, lambda: opener, 8, 1, Path({str(tmp_path / "cache")!r}))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    opened = []
    resumed = decode_images(_names(18), _counting(opened), 8, 1, tmp_path / "cache")
    assert sorted(opened) == _names(18)[8:]
    expected = [resize_and_crop(jpeg_bytes(k, (20, 24)), 8) for k in range(18)]
    np.testing.assert_array_equal(resumed, expected)


@pytest.mark.parametrize("damage", ["shorter", "longer", "no record", "bad record", "no partial"])
def test_damaged_progress(tmp_path, monkeypatch, damage):
    """A tail that the record does not vouch for is cut; a record without its images is void."""
    monkeypatch.setattr(decoding, "CHUNK", 4)
    with pytest.raises(KeyboardInterrupt):
        decode_images(_names(18), _counting([], stop_at=10), 8, 2, tmp_path)
    partial, record = tmp_path / "images.npy.partial", tmp_path / "progress.json"
    content = partial.read_bytes()
    {
        "shorter": lambda: partial.write_bytes(content[:-1]),
        "longer": lambda: partial.write_bytes(content + b"half an image"),
        "no record": record.unlink,
        "bad record": lambda: record.write_text("{"),
        "no partial": partial.unlink,
    }[damage]()
    opened = []
    resumed = decode_images(_names(18), _counting(opened), 8, 1, tmp_path)
    assert len(opened) == (10 if damage == "longer" else 18)
    expected = [resize_and_crop(jpeg_bytes(k, (20, 24)), 8) for k in range(18)]
    np.testing.assert_array_equal(resumed, expected)


def _changed(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("name", ["images.npy", "complete.json"])
@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: b"", _changed, None])
def test_damaged_cache_is_decoded_again(tmp_path, name, damage, caplog):
    expected = decode_images(_names(5), _counting([]), 8, 1, tmp_path).tobytes()
    path = tmp_path / name
    content = path.read_bytes()
    path.unlink()
    if damage:
        path.write_bytes(damage(content))
    opened = []
    assert decode_images(_names(5), _counting(opened), 8, 1, tmp_path).tobytes() == expected
    assert len(opened) == 5
    opened.clear()
    decode_images(_names(5), _counting(opened), 8, 1, tmp_path)
    assert not opened


def test_pictures_that_could_not_be_read_stay_known(tmp_path):
    broken = _counting([], stop_at=3, error=OSError("gone"))
    for _ in range(2):
        assert decoding.decode_readable(_names(5), broken, 8, 1, tmp_path)[1] == {3: "gone"}
    path = tmp_path / "complete.json"
    path.write_text(path.read_text().replace('"3"', '"2"'))
    assert decoding.decode_readable(_names(5), broken, 8, 1, tmp_path)[1] == {3: "gone"}


def test_what_killed_runs_left_beside_a_cache_goes(tmp_path):
    (tmp_path / ".progress.json.12345678.partial").write_text("{")
    decode_images(_names(5), _counting([]), 8, 1, tmp_path)
    assert not list(tmp_path.glob(".*.partial"))


def test_two_runs_on_one_cache(tmp_path):
    with FileLock(tmp_path / ".lock"), pytest.raises(UserError, match="Another run is decoding"):
        decode_images(_names(5), _counting([]), 8, 1, tmp_path)


def test_full_disk_while_decoding(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(decoding.os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot be written: No space left.*Free space"):
        decode_images(_names(5), _counting([]), 8, 1, tmp_path)
    monkeypatch.undo()
    assert len(decode_images(_names(5), _counting([]), 8, 1, tmp_path)) == 5


def test_cache_in_an_impossible_folder(raw):
    (raw / ".decoded").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        prepare("celeba", None, raw)


@pytest.mark.parametrize("content", [b"", b"<html>", jpeg_bytes(0)[:300]])
def test_damaged_photograph(raw, content):
    path = raw / "img_align_celeba" / "000007.jpg"
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"000007.jpg cannot be decoded.*resumes there"):
        prepare("celeba", None, raw)
    path.write_bytes(jpeg_bytes(6))
    assert len(prepare("celeba", None, raw).splits["train"]) == 24


def test_unreadable_photograph(tmp_path):
    opener = _counting([], stop_at=3, error=PermissionError(13, "Permission denied"))
    with pytest.raises(UserError, match=r"000003.jpg cannot be decoded .*Permission denied"):
        decode_images(_names(5), opener, 8, 1, tmp_path)


def _rewritten(name, change):
    def damage(folder):
        content = (folder / name).read_text()
        (folder / name).unlink()
        (folder / name).write_text(change(content))

    return damage


def _without(name):
    return lambda folder: (folder / name).unlink()


def _no_images(folder):
    for path in (folder / "img_align_celeba").iterdir():
        path.unlink()
    (folder / "img_align_celeba").rmdir()


def _bad_zip(folder):
    _no_images(folder)
    (folder / "img_align_celeba.zip").write_bytes(b"PK half")


ATTR, PART = "list_attr_celeba.txt", "list_eval_partition.txt"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without(ATTR), f"lacks {ATTR}"),
        (_without(PART), f"lacks {PART}"),
        (_no_images, "neither img_align_celeba/ nor img_align_celeba.zip"),
        (_bad_zip, "img_align_celeba.zip is damaged"),
        (_without("img_align_celeba/000005.jpg"), "lacks 000005.jpg"),
        (_rewritten(ATTR, lambda s: ""), "does not begin with a count"),
        (_rewritten(ATTR, lambda s: s[s.index("\n") + 1 :]), "does not begin with a count"),
        (_rewritten(ATTR, lambda s: s[:-60]), f"{ATTR}.*(truncated|line)"),
        (_rewritten(ATTR, lambda s: s[: s.rindex("000040")]), "truncated: 39 images where.*40"),
        (_rewritten(ATTR, lambda s: s.replace("-1", "0")), f"{ATTR}, line 3: not a file name"),
        (_rewritten(ATTR, lambda s: s.replace("000002.jpg", "x.jpg")), "no line for 000002.jpg"),
        (_rewritten(PART, lambda s: s.replace("2.jpg 0", "2.jpg 3")), f"{PART}, line 2"),
        (_rewritten(PART, lambda s: s.replace(" 1\n", " 0\n")), "split 'validation' is empty"),
        (lambda f: (_without(ATTR)(f), (f / ATTR).write_bytes(b"\xff\xfe\x00")), "not UTF-8"),
        (lambda f: (_without(ATTR)(f), (f / ATTR).mkdir()), "cannot be read"),
        (_rewritten(ATTR, lambda s: "\u00b2" + s), "does not begin with a count"),
        (_rewritten(ATTR, lambda s: s + s.splitlines()[2]), "line 43: 000001.jpg is there twice"),
        (_rewritten(PART, lambda s: s + "000001.jpg 2"), "line 41: 000001.jpg is there twice"),
    ],
)
def test_damage_is_named(raw, damage, message):
    damage(raw)
    with pytest.raises(UserError, match=message):
        prepare("celeba", None, raw)


def test_damaged_zip_member(raw):
    archive = raw / "img_align_celeba.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted((raw / "img_align_celeba").iterdir()):
            out.write(path, path.name)
            path.unlink()
    (raw / "img_align_celeba").rmdir()
    content = bytearray(archive.read_bytes())
    content[500] ^= 255
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"member 000001.jpg is damaged"):
        prepare("celeba", None, raw)


def test_a_zip_member_that_unpacks_to_more_than_a_photograph(raw, monkeypatch):
    with zipfile.ZipFile(raw / "img_align_celeba.zip", "w") as out:
        for path in sorted((raw / "img_align_celeba").iterdir()):
            out.write(path, path.name)
            path.unlink()
    (raw / "img_align_celeba").rmdir()
    monkeypatch.setattr(celeba, "LARGEST_IMAGE", 500)
    with pytest.raises(UserError, match=r"member 000001.jpg unpacks to more than 500 bytes"):
        prepare("celeba", None, raw)


def test_splits_are_official_only_where_digests_agree(raw, monkeypatch):
    data = prepare("celeba", None, raw)
    assert "list_attr_celeba.txt, list_eval_partition.txt" in data.origin
    assert "official splits" not in data.origin
    digests = {n: hashlib.md5((raw / n).read_bytes()).hexdigest() for n in (ATTR, PART)}
    monkeypatch.setattr(celeba, "DIGESTS", digests)
    assert "official splits, label Smiling" in prepare("celeba", None, raw).origin


def test_how_to_get_it(tmp_path):
    with pytest.raises(UserError) as caught:
        prepare("celeba", None, tmp_path)
    for part in ("no address for automatic download", celeba.PAGE, "img_align_celeba.zip", PART):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("smiling", "no attribute 'smiling'. Use one of: Smiling"),
        ("Eyeglases", "Use one of: Eyeglasses"),
        ("zzz", "Use one of: Bald, Eyeglasses, Male"),
    ],
)
def test_unknown_attribute(raw, attribute, message):
    with pytest.raises(UserError, match=message):
        prepare("celeba", {"attribute": attribute}, raw)


@pytest.mark.parametrize("config", [{"image_size": 4}, {"image_size": 500}, {"workers": 0}])
def test_config_ranges(raw, config):
    with pytest.raises(UserError, match=next(iter(config))):
        prepare("celeba", config, raw)
