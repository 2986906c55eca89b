"""Files and folders appear whole or not at all, and what stood there before survives a failure."""

import errno
import os
import time
from pathlib import Path

import pytest

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_file, atomic_folder, remove_partials, write_atomically


def full_disk(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("what", ["replace", "fsync"])
def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch, what):
    path = tmp_path / "a" / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, what, full_disk)
    with pytest.raises(UserError, match="file cannot be written: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(path.parent) == ["file"]


def test_a_file_is_replaced_only_when_its_block_ends_well(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"half" * (1 // 0))
    assert path.read_bytes() == b"old"
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("flush", [True, False])
def test_a_folder_is_replaced_as_a_whole(tmp_path, flush):
    folder = tmp_path / "made" / "folder"
    for content in ("first", "second"):
        with atomic_folder(folder, "card", flush) as partial:
            (partial / "card").write_text(content)
            (partial / content).write_text("")
        assert names(folder) == sorted(["card", content])
        assert names(folder.parent) == ["folder"]


@pytest.mark.parametrize("failing", [1, 2], ids=["old aside", "new in place"])
def test_a_folder_that_cannot_be_replaced_is_as_it_was(tmp_path, monkeypatch, failing):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "card").write_text("old")
    real, calls = os.replace, []

    def replace(source, target):
        calls.append(source)
        return full_disk() if len(calls) == failing else real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with (
        pytest.raises(UserError, match="No space left"),
        atomic_folder(folder, "card") as partial,
    ):
        (partial / "card").write_text("new")
    assert (folder / "card").read_text() == "old"
    assert names(tmp_path) == ["folder"]


def test_a_block_that_fails_leaves_the_folder_alone(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "card").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder, "card") as partial:
        (partial / "card").write_text(str(1 / 0))
    assert (folder / "card").read_text() == "old"
    assert names(tmp_path) == ["folder"]


def test_somebodys_work_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(UserError, match="holds no 'card'"), atomic_folder(tmp_path, "card"):
        pass
    assert names(tmp_path) == ["thesis.tex"]


def test_others_may_read_what_was_written(tmp_path):
    umask = os.umask(0o022)
    try:
        write_atomically(tmp_path / "file", b"x")
        with atomic_folder(tmp_path / "folder", "card") as partial:
            (partial / "card").write_text("x")
    finally:
        os.umask(umask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755


def test_only_abandoned_remains_are_removed(tmp_path):
    old, new, other = (tmp_path / name for name in (".a.1.partial", ".b.2.partial", "c.partial"))
    old.mkdir()
    (old / "half").write_text("x")
    new.write_text("x")
    other.write_text("x")
    long_ago = time.time() - 100_000
    for path in (old, other):
        os.utime(path, (long_ago, long_ago))
    remove_partials(tmp_path)
    assert names(tmp_path) == [".b.2.partial", "c.partial"]
    remove_partials(tmp_path, older_than=0.0)
    assert names(tmp_path) == ["c.partial"]
    remove_partials(tmp_path / "missing")


def test_a_kill_between_two_renames_of_a_folder_is_undone(tmp_path):
    for name in ("gone", "replaced"):
        (tmp_path / f".{name}.ab12.old").mkdir()
        (tmp_path / f".{name}.ab12.old" / "card").write_text("old")
    (tmp_path / "replaced").mkdir()
    remove_partials(tmp_path)
    assert len(names(tmp_path)) == 3
    remove_partials(tmp_path, older_than=0.0)
    assert names(tmp_path) == ["gone", "replaced"]
    assert (tmp_path / "gone" / "card").read_text() == "old"


def test_remains_in_folders_below_are_removed_where_asked(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "kept", b"")
    (tmp_path / "a" / "b" / ".kept.ab12.partial").write_bytes(b"")
    remove_partials(tmp_path, older_than=0.0)
    assert len(names(tmp_path / "a" / "b")) == 2
    remove_partials(tmp_path, older_than=0.0, deep=True)
    assert names(tmp_path / "a" / "b") == ["kept"]


def test_a_place_that_takes_no_files_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"below cannot be written: .*\. Free space there"):
        write_atomically(Path(tmp_path / "file" / "below"), b"x")
