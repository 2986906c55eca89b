"""ARC tasks from files: ARC-AGI's format with labels, and ConceptARC."""

import contextlib
import io
import json
import shutil
import tarfile

import numpy as np
import pytest

from labs.source_files import SHARED
from latentlab.core.errors import UserError
from latentlab.data import prepare
from latentlab.data.arc import files

REAL = SHARED / "arc/conceptarc.tar.gz"
SETTINGS = {"pairs": 2, "largest_side": 5}


def task(size=3, pairs=3, value=1):
    grid = [[value] * size for _ in range(size)]
    return {"train": [{"input": grid, "output": grid}] * pairs, "test": []}


@pytest.fixture
def folder(tmp_path):
    """Twelve tasks of three categories, one of them ambiguous and one without a label."""
    for number in range(12):
        (tmp_path / f"t{number:02d}.json").write_text(json.dumps(task(value=number % 10)))
    labels = {f"t{number:02d}": "abc"[number % 3] for number in range(11)}
    labels["t10"] = "ambiguous"
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return tmp_path


def test_files_with_labels(folder):
    prepared = prepare("arc", {**SETTINGS, "test_fraction": 0.4}, folder)
    assert prepared.schema.classes == ("a", "b", "c")
    assert prepared.schema.shape == (4, 5, 5)
    assert sum(len(split) for split in prepared.splits.values()) == 10
    assert "2 without a label left out" in prepared.origin
    first = prepared.splits["train"].features[0, 0]
    assert set(np.unique(first[3:])) == {10}
    other = prepare("arc", {**SETTINGS, "split_seed": 1, "test_fraction": 0.4}, folder)
    assert other.fingerprint != prepared.fingerprint


def test_labels_from_a_table_and_larger_grids_left_out(folder):
    (folder / "labels.json").unlink()
    rows = [f"t{number:02d}.json,{'abc'[number % 3]}" for number in range(12)]
    (folder / "labels.csv").write_text("\n".join(rows))
    (folder / "t00.json").write_text(json.dumps(task(size=9)))
    prepared = prepare("arc", SETTINGS, folder)
    assert sum(len(split) for split in prepared.splits.values()) == 11
    assert "1 with larger grids" in prepared.origin


def concepts(folder):
    for concept in ("Copy", "Count"):
        for number in range(4):
            path = folder / "corpus" / concept / f"{concept}{number}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(task(value=number)))
    minimal = folder / "MinimalTasks"
    minimal.mkdir()
    (minimal / "CopyMinimal.json").write_text(json.dumps(task(value=9)))


def test_concepts_are_labels_in_a_folder_and_in_an_archive(tmp_path):
    unpacked, packed = tmp_path / "unpacked", tmp_path / "packed"
    concepts(unpacked)
    packed.mkdir()
    with tarfile.open(packed / "conceptarc.tar.gz", "w:gz") as archive:
        archive.add(unpacked, "conceptarc")
    one, other = (prepare("concept_arc", SETTINGS, place) for place in (unpacked, packed))
    assert one.schema.classes == ("Copy", "Count")
    assert one.fingerprint == other.fingerprint
    assert sum(len(split) for split in one.splits.values()) == 8


def test_the_real_concept_arc(tmp_path):
    if not REAL.exists():
        pytest.skip("ConceptARC is not at hand")
    shutil.copy(REAL, tmp_path)
    prepared = prepare("concept_arc", {}, tmp_path)
    assert len(prepared.schema.classes) == 16
    assert {name: len(split) for name, split in prepared.splits.items()} == {
        "train": 112,
        "test": 48,
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no ARC task"),
        ("{}", "lacks 'train'"),
        ('{"train": []}', "has no pairs"),
        (json.dumps({"train": [{"input": [[1], [1, 2]], "output": [[1]]}]}), "not rectangular"),
        (json.dumps({"train": [{"input": [[10]], "output": [[1]]}]}), "other tokens"),
        (json.dumps({"train": [{"input": [[0.5]], "output": [[1]]}]}), "other tokens"),
        ('{"train": [{"input": [[true, 1]], "output": [[1]]}]}', "other tokens"),
        ('{"train": [{"input": [["1"]], "output": [[1]]}]}', "other tokens"),
        ('{"train": [{"input": [[[1]]], "output": [[1]]}]}', "other tokens"),
        ('{"train": [{"input": [3], "output": [[1]]}]}', "is no ARC task"),
        ('{"train": [{"input": [], "output": [[1]]}]}', "not rectangular"),
        (json.dumps({"train": [{"input": [[1] * 31], "output": [[1]]}]}), "more than 30"),
        (json.dumps({"train": [{"input": [[1]]}]}), "lacks 'output'"),
        ("[1, 2]", "is no ARC task"),
    ],
)
def test_a_wrong_task_is_named(folder, content, words):
    (folder / "t03.json").write_text(content)
    with pytest.raises(UserError, match=words) as error:
        prepare("arc", SETTINGS, folder)
    assert "t03.json" in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("labels.json", "no json", "cannot be read"),
        ("labels.json", '["t00"]', "cannot be read"),
        ("labels.json", '{"t00": ""}', "without a category, of task t00"),
        ("labels.json", '{"t00": ["a"]}', "without a category, of task t00"),
        ("labels.json", '{"t00": null}', "without a category, of task t00"),
        ("labels.csv", "task,category\nt00,a\nt01\n", "without a category, of task t01"),
        ("labels.csv", "t00,a\nt01, \n", "without a category, of task t01"),
        ("labels.csv", "x,a\ny,b\n", "gives no task in .* a category"),
        ("labels.json", '{"t00": "ambiguous"}', "gives no task in .* a category"),
        ("labels.csv", b"t00,\xff\n", "is not UTF-8 at byte 4, line 1"),
    ],
)
def test_a_wrong_label_file_is_named(folder, name, content, words):
    (folder / "labels.json").unlink()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=rf"{name.replace('.', '[.]')} .*{words}"):
        prepare("arc", SETTINGS, folder)


def test_a_header_a_mark_of_the_encoding_and_spare_labels_do_no_harm(folder):
    labels = json.loads((folder / "labels.json").read_text())
    expected = prepare("arc", SETTINGS, folder)
    (folder / "labels.json").unlink()
    rows = ["task,category", *(f"{task}.json, {label}" for task, label in labels.items())]
    (folder / "labels.csv").write_text("\n".join([*rows, "gone,a"]), encoding="utf-8-sig")
    prepared = prepare("arc", SETTINGS, folder)
    assert prepared.fingerprint == expected.fingerprint
    assert "2 labels without a task" in prepared.origin


def test_damage_of_an_archive_is_never_a_traceback(tmp_path):
    concepts(tmp_path / "unpacked")
    whole = tmp_path / "whole.tar.gz"
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(tmp_path / "unpacked", "conceptarc")
    content = whole.read_bytes()
    place = tmp_path / "raw"
    place.mkdir()
    damaged = place / "conceptarc.tar.gz"
    for cut in range(0, len(content) - 8, 37):
        flipped = bytearray(content)
        flipped[cut + 4] ^= 255
        for bad in (content[:cut], bytes(flipped)):
            damaged.write_bytes(bad)
            # Some bits do not matter, and a cut may fall between members.
            with contextlib.suppress(UserError):
                prepare("concept_arc", SETTINGS, place)


def test_a_wrong_task_in_an_archive_is_named_with_it(tmp_path):
    concepts(tmp_path / "unpacked")
    (tmp_path / "unpacked" / "corpus" / "Copy" / "Copy1.json").write_text("{")
    with tarfile.open(tmp_path / "conceptarc.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "unpacked", "conceptarc")
    with pytest.raises(UserError, match=r"conceptarc\.tar\.gz/.*/Copy1\.json is no ARC task"):
        prepare("concept_arc", SETTINGS, tmp_path)


def _in_two_folders(folder):
    for place in ("2024", "2025"):
        (folder / place).mkdir()
    for number in range(6):
        path = folder / f"t{number:02d}.json"
        (folder / "2025" / path.name).write_bytes(path.read_bytes())
        path.rename(folder / "2024" / path.name)


def test_a_task_in_two_folders_is_taken_once(folder):
    expected = prepare("arc", SETTINGS, folder)
    _in_two_folders(folder)
    prepared = prepare("arc", SETTINGS, folder)
    assert sum(len(split) for split in prepared.splits.values()) == 10
    assert (
        "6 tasks in two folders or more taken once (first: t00 in 2024 and 2025)" in prepared.origin
    )
    assert "test examples are in train" not in prepared.origin
    assert "two folders" not in expected.origin


def test_two_labels_of_a_task_and_two_tasks_of_a_name_are_one_line(folder):
    _in_two_folders(folder)
    (folder / "2025" / "t03.json").write_text(json.dumps(task(value=9)))
    labels = (folder / "labels.json").read_text()
    (folder / "labels.json").write_text(labels.replace("{", '{"t01.json": "c", ', 1))
    with pytest.raises(UserError) as caught:
        prepare("arc", SETTINGS, folder)
    said = str(caught.value)
    assert "labels.json gives t01 two labels, c and b" in said
    assert "2024/t03.json and " in said
    assert "2025/t03.json are two tasks of one name" in said
    assert "5 tasks in two folders or more" in said
    (folder / "labels.json").unlink()
    rows = [f"t{number:02d},{'abc'[number % 3]}" for number in range(12)]
    (folder / "labels.csv").write_text("\n".join([*rows, "t02,c", "t04,a", "t05,"]))
    with pytest.raises(UserError, match=r"labels\.csv gives t04 two labels, b and a.*of task t05"):
        prepare("arc", SETTINGS, folder)


def test_tasks_of_equal_content_are_on_one_side(folder):
    """Under other names, and in another category."""
    labels = json.loads((folder / "labels.json").read_text())
    for number in range(9):
        (folder / f"copy{number}.json").write_bytes((folder / f"t{number:02d}.json").read_bytes())
        labels[f"copy{number}"] = "abc"[(number + number // 6) % 3]
    (folder / "labels.json").write_text(json.dumps(labels))
    for seed in range(5):
        prepared = prepare("arc", {**SETTINGS, "split_seed": seed}, folder)
        held_out, trained = (
            {one.tobytes() for one in prepared.splits[name].features} for name in ("test", "train")
        )
        assert not held_out & trained
        assert "train examples repeat others of train" in prepared.origin


def test_json_that_is_nested_without_end(folder):
    (folder / "t03.json").write_text('{"train": ' + 100_000 * "[")
    with pytest.raises(UserError, match=r"t03\.json is no ARC task"):
        prepare("arc", SETTINGS, folder)
    (folder / "labels.json").write_text(100_000 * "[")
    with pytest.raises(UserError, match=r"labels\.json cannot be read"):
        prepare("arc", SETTINGS, folder)


def test_an_archive_that_unpacks_to_more_than_any(tmp_path, monkeypatch):
    concepts(tmp_path / "unpacked")
    with tarfile.open(tmp_path / "conceptarc.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "unpacked", "conceptarc")
    monkeypatch.setattr(files, "LARGEST_ARCHIVE", 5000)
    with pytest.raises(UserError, match=r"conceptarc\.tar\.gz unpacks to more than 5000 bytes"):
        prepare("concept_arc", SETTINGS, tmp_path)


def test_missing_labels_tasks_and_archives_are_named(folder, tmp_path):
    with pytest.raises(UserError, match="no tasks of ConceptARC"):
        prepare("concept_arc", SETTINGS, tmp_path / "nowhere")
    (folder / "labels.json").write_text('{"t00": ""}')
    with pytest.raises(UserError, match="without a category, of task t00"):
        prepare("arc", SETTINGS, folder)
    (folder / "labels.json").write_text("no json")
    with pytest.raises(UserError, match=r"labels\.json cannot be read"):
        prepare("arc", SETTINGS, folder)
    (folder / "labels.json").unlink()
    with pytest.raises(UserError, match="neither labels"):
        prepare("arc", SETTINGS, folder)
    broken = tmp_path / "broken"
    broken.mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, "conceptarc")
    (broken / "conceptarc.tar.gz").write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(UserError, match=r"conceptarc\.tar\.gz is a truncated gzip"):
        prepare("concept_arc", SETTINGS, broken)
