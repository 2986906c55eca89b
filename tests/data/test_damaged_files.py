"""Every file of every source, damaged in every way: one line that names it, or data."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labs.image_text_files import rows, write_table, write_textcaps
from labs.source_files import (
    cifar_arrays,
    idx_arrays,
    pack,
    write_celeba,
    write_cifar_bin,
    write_cifar_py,
    write_idx,
)
from latentlab.core.errors import UserError
from latentlab.data import prepare


def _mnist(raw):
    write_idx(raw, idx_arrays(30, 20))


def _raw_mnist(raw):
    write_idx(raw, idx_arrays(30, 20), packed=False)


def _cifar(raw):
    write_cifar_bin(raw, cifar_arrays(10))


def _pickled_cifar(raw):
    write_cifar_py(raw, cifar_arrays(10))


def _packed_cifar(raw):
    write_cifar_bin(raw / "cifar-10-batches-bin", cifar_arrays(10))
    pack(raw / "cifar-10-batches-bin", raw / "cifar-10-binary.tar.gz")
    shutil.rmtree(raw / "cifar-10-batches-bin")


def _celeba(raw):
    raw.rmdir()
    write_celeba(raw)


def _arc(raw):
    for k in range(8):
        grid = [[k, 1], [2, 3]]
        task = {"train": [{"input": grid, "output": grid}], "test": []}
        (raw / f"t{k}.json").write_text(json.dumps(task))
    (raw / "labels.json").write_text(json.dumps({f"t{k}": "ab"[k % 2] for k in range(8)}))


def _arc_with_a_table(raw):
    _arc(raw)
    (raw / "labels.json").unlink()
    (raw / "labels.csv").write_text("".join(f"t{k},{'ab'[k % 2]}\n" for k in range(8)))


def _concepts(raw):
    _arc(raw)
    (raw / "labels.json").unlink()
    for concept in ("One", "Two"):
        (raw / "corpus" / concept).mkdir(parents=True)
        for k in range(4):
            source = raw / f"t{k + 4 * (concept == 'Two')}.json"
            source.rename(raw / "corpus" / concept / source.name)
    pack(raw / "corpus", raw / "conceptarc.tar.gz")
    shutil.rmtree(raw / "corpus")


def _designs(raw):
    designs = np.random.default_rng(0).random((20, 3, 4), dtype=np.float32)
    np.savez(raw / "designs.npz", designs=designs, volfrac=designs.mean((1, 2)), origin="made")


def _squeezed_designs(raw):
    np.savez_compressed(
        raw / "designs.npz", designs=np.eye(5)[None] * np.linspace(0, 1, 20)[:, None, None]
    )


def _design_array(raw):
    np.save(raw / "designs.npy", np.random.default_rng(0).random((20, 3, 4)))


def _table(raw):
    write_table(raw, rows(12))


SMALL = {"image_size": 8, "workers": 1}
TINY = {"pairs": 1, "largest_side": 2}
SOURCES: list[tuple[str, Callable[[Path], None], dict[str, object]]] = [
    ("mnist", _mnist, {"download": False}),
    ("mnist", _raw_mnist, {"download": False}),
    ("cifar10", _cifar, {"download": False}),
    ("cifar10", _pickled_cifar, {"download": False}),
    ("cifar10", _packed_cifar, {"download": False}),
    ("celeba", _celeba, SMALL),
    ("arc", _arc, TINY),
    ("arc", _arc_with_a_table, TINY),
    ("concept_arc", _concepts, TINY),
    ("beams2d", _designs, {}),
    ("beams2d", _squeezed_designs, {}),
    ("beams2d", _design_array, {"files": "*.npy"}),
    ("image_table", _table, {**SMALL, "text_length": 24}),
    ("textcaps", write_textcaps, {**SMALL, "text_length": 24, "classes": 2}),
]


def _damages(content: bytes) -> list[bytes]:
    """What may become of a file: emptied, cut, with bits flipped, other content, longer."""
    size = len(content)
    places = sorted({0, 1, 5, size // 7, size // 2, size - 9, size - 1} & set(range(size)))
    flipped = [content[:k] + bytes([content[k] ^ 0x81]) + content[k + 1 :] for k in places]
    cut = [content[:k] for k in (1, size // 3, size // 2, size - 1)]
    return [b"", *cut, *flipped, b"<html></html>", bytes(64), content + b"\0", b"\xff" * 64]


def _told(name, config, raw) -> str:
    """What is said of the files; empty where they can be used."""
    shutil.rmtree(raw / ".decoded", ignore_errors=True)
    if name == "cifar10" and (raw / "cifar-10-binary.tar.gz").exists():
        shutil.rmtree(raw / "cifar-10-batches-bin", ignore_errors=True)
    try:
        prepare(name, config, raw)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("name", "write", "config"), SOURCES, ids=[write.__name__.strip("_") for _, write, _ in SOURCES]
)
def test_a_damaged_file_is_one_line_or_data(tmp_path, name, write, config):
    raw = tmp_path / "raw"
    raw.mkdir()
    write(raw)
    # Of many files of one kind two are enough.
    kinds: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted(p for p in raw.rglob("*") if p.is_file()):
        kinds.setdefault((path.parent, path.suffix), []).append(path)
    said = []
    for path in [path for paths in kinds.values() for path in paths[:2]]:
        content = path.read_bytes()
        for damaged in _damages(content):
            path.write_bytes(damaged)
            said.append(_told(name, config, raw))
        path.unlink()
        said.append(_told(name, config, raw))
        path.mkdir()
        said.append(_told(name, config, raw))
        path.rmdir()
        path.write_bytes(content)
    assert len([line for line in said if line]) > 4
    assert not [line for line in said if "\n" in line or len(line) > 1500]
    assert _told(name, config, raw) == ""


def test_a_gzip_file_within_a_gzip_file(tmp_path):
    _mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is no idx file"):
        prepare("mnist", {"download": False}, tmp_path)
