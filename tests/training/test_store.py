"""Trials and checkpoints on disk: whole or not at all, damage noticed, one run at a time."""

import errno
import hashlib
import json
import logging
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from labs import stored_trials
from labs.trainer import CPU, advance, cohort, equal_states, trial
from labs.warm_processes import CONTEXT
from latentlab.compute.plan import ExecutionPlan
from latentlab.core.errors import UserError
from latentlab.training.checkpoint import Checkpoint, cohort_name, load_checkpoint, save_checkpoint
from latentlab.training.store import TrialStore
from latentlab.training.trial_files import require_whole

WEIGHTS = b"weights"
RECORD = replace(stored_trials.RECORD, id="abc", weights_digest=hashlib.sha256(WEIGHTS).hexdigest())


@pytest.fixture
def store(tmp_path):
    store = TrialStore(tmp_path / "store")
    with store.locked():
        yield store


def save(store):
    store.save(RECORD, WEIGHTS, {"a": 1}, {"total": [1.0, None]})


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def nothing_partial(store):
    assert not [p for p in store.root.rglob("*") if "partial" in p.name]


def test_round_trip(store):
    assert not store.knows("abc")
    save(store)
    assert store.knows("abc")
    assert store.record("abc") == RECORD
    assert store.history("abc") == {"total": [1.0, None]}
    assert json.loads((store.folder("abc") / "config.json").read_text()) == {"a": 1}
    nothing_partial(store)
    store.remove("abc")
    assert not store.knows("abc")


@pytest.mark.parametrize("what", ["mkdir", "write_bytes"])
def test_a_full_disk_leaves_no_half_trial(store, monkeypatch, what):
    monkeypatch.setattr(Path, what, full_disk)
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        save(store)
    monkeypatch.undo()
    assert not store.knows("abc")
    nothing_partial(store)


def test_a_disk_that_fills_between_two_files_leaves_no_half_trial(store, monkeypatch):
    real, calls = Path.write_bytes, []

    def third(self, *args, **kwargs):
        calls.append(self)
        return real(self, *args, **kwargs) if len(calls) < 3 else full_disk()

    monkeypatch.setattr(Path, "write_bytes", third)
    with pytest.raises(UserError, match="what was there is unchanged"):
        save(store)
    assert len(calls) == 3
    assert not list(store.trials.iterdir())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.safetensors", b"weight"),
        ("record.json", b"{"),
        ("record.json", b"[]"),
        ("record.json", b'{"id": "abc"}'),
        ("history.json", b""),
        ("config.json", b"\xff"),
        ("config.json", None),
        ("history.json", b'{"total": [1.5, null]}'),
        ("config.json", b'{"a": 2}'),
        ("digests.json", b"{}"),
    ],
)
def test_a_damaged_trial_is_set_aside(store, caplog, name, content):
    save(store)
    path = store.folder("abc") / name
    path.unlink() if content is None else path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert not store.knows("abc")
    assert re.search(r"Trial abc is damaged \(.*\): set aside as", caplog.text)
    assert len(list(store.trials.glob("abc.damaged-*"))) == 1
    save(store)
    assert store.knows("abc")


def test_a_trial_of_an_earlier_version_has_the_digest_of_its_weights(store):
    save(store)
    (store.folder("abc") / "digests.json").unlink()
    assert store.knows("abc")
    (store.folder("abc") / "weights.safetensors").write_bytes(b"weightt")
    assert not store.knows("abc")


def test_a_trial_is_read_again_only_after_a_change(store, monkeypatch):
    save(store)
    assert store.knows("abc")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", full_disk)
        assert store.knows("abc")
    (store.folder("abc") / "weights.safetensors").write_bytes(b"weightt")
    with pytest.raises(UserError, match=r"weights.safetensors is missing or damaged"):
        require_whole(store.folder("abc"))


def test_what_holds_the_store_may_hold_it_again(tmp_path):
    with TrialStore(tmp_path).locked(), TrialStore(tmp_path).locked():
        pass
    with TrialStore(tmp_path).locked():
        pass


def test_a_killed_runs_remains_are_swept(tmp_path):
    store = TrialStore(tmp_path)
    with store.locked():
        pass
    (store.trials / ".abc.12.partial").mkdir()
    (store.trials / ".abc.12.partial" / "weights.safetensors").write_bytes(b"w")
    (store.checkpoints / ".x.checkpoint.34.partial").write_bytes(b"c")
    (tmp_path / ".trials.parquet.56.partial").write_bytes(b"t")
    (store.trials / "def").mkdir()
    (store.trials / "def" / ".scores.json.78.partial").write_bytes(b"s")
    with store.locked():
        nothing_partial(store)
        own = store.trials / ".ghi.90.partial"
        own.mkdir()
        with store.locked():
            assert own.exists(), "who holds the store may be writing"


def hold(root, ready, done):
    with TrialStore(root).locked():
        ready.set()
        done.wait(30)


def test_a_second_run_is_turned_away(tmp_path):
    ready, done = CONTEXT.Event(), CONTEXT.Event()
    process = CONTEXT.Process(target=hold, args=(tmp_path, ready, done))
    process.start()
    assert ready.wait(60)
    with (
        pytest.raises(UserError, match="Another run is training in"),
        TrialStore(tmp_path).locked(),
    ):
        pass
    # A killed run holds nothing.
    process.kill()
    process.join()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            with TrialStore(tmp_path).locked():
                return
        except UserError:
            time.sleep(0.05)
    pytest.fail("the lock outlived its process")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with (
        pytest.raises(UserError, match="cannot be written"),
        TrialStore(tmp_path / "store").locked(),
    ):
        pass


def test_a_file_where_the_store_should_be(tmp_path):
    (tmp_path / "store").write_text("")
    with (
        pytest.raises(UserError, match="cannot be written"),
        TrialStore(tmp_path / "store").locked(),
    ):
        pass


@pytest.fixture
def checkpoint(digits):
    group = advance(cohort([trial(digits, s) for s in range(2)], digits), 3)
    ids = tuple(one.id for one in group.trials)
    return Checkpoint(ids, "then", ExecutionPlan(2, 1, 2, False), group.state, group.scores)


def test_checkpoint_round_trip(checkpoint, tmp_path):
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path, CPU)
    assert (loaded.trial_ids, loaded.started_at, loaded.plan, loaded.state.step) == (
        checkpoint.trial_ids,
        "then",
        ExecutionPlan(2, 1, 2, False),
        3,
    )
    assert equal_states(loaded.state, checkpoint.state) == []
    # As torch aligns its own memory: products of unaligned operands differ in the last bit.
    assert all(t.data_ptr() % 64 == 0 for t in loaded.state.tensors().values() if t.numel())
    assert [p.name for p in tmp_path.iterdir()] == ["a.checkpoint"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "other"])
def test_a_damaged_checkpoint_is_set_aside(checkpoint, tmp_path, caplog, damage):
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, checkpoint)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    damaged = {
        "truncated": bytes(content[:-7]),
        "flipped": bytes(content),
        "empty": b"",
        "other": hashlib.blake2b(b"{}").digest() + b"{}",
    }
    path.write_bytes(damaged[damage])
    with caplog.at_level(logging.WARNING):
        assert load_checkpoint(path, CPU) is None
    assert "is damaged" in caplog.text
    assert not path.exists()
    assert len(list(tmp_path.glob("a.checkpoint.damaged-*"))) == 1


def test_a_full_disk_keeps_the_old_checkpoint(checkpoint, tmp_path, monkeypatch):
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, checkpoint)
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(UserError, match="No space left on device"):
        save_checkpoint(path, checkpoint)
    assert path.read_bytes() == before


def test_names_of_cohorts_tell_trials_and_their_order_apart():
    assert len({cohort_name(ids) for ids in (("a",), ("b",), ("a", "b"), ("b", "a"))}) == 4


def test_states_know_all_their_tensors(checkpoint):
    clone = checkpoint.state.map(torch.clone)
    assert equal_states(clone, checkpoint.state) == []
    for name, tensor in clone.tensors().items():
        assert tensor.shape[0] == 2, name
