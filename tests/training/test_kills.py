"""kill -9: nothing that was finished is lost or trained again, and the weights are the same."""

import contextlib
import itertools
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from labs.killed_run import INTERVAL, planned, start
from labs.trainer import CPU
from latentlab.training.checkpoint import load_checkpoint
from latentlab.training.store import TrialStore

EPOCHS = 16


def finish(process, seconds=90):
    process.join(seconds)
    assert process.exitcode == 0


@pytest.fixture(scope="module")
def undisturbed(digits_folder, tmp_path_factory):
    """The store of a run that nobody disturbed, and how long its training took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(start(digits_folder, folder / "store", "inline", EPOCHS, folder / "log"))
    times = [t for _, _, t in read_log(folder / "log")]
    return TrialStore(folder / "store"), times[-1] - times[0]


def read_log(path):
    if not path.exists():
        return []
    rows = [line.split() for line in path.read_text().splitlines()]
    return [(ids, int(step), float(at)) for ids, step, at in rows]


def finished(store):
    """Bytes of the records of finished trials; each trial that has its name is whole."""
    records = {}
    for folder in store.trials.glob("*"):
        if not folder.name.endswith(".partial"):
            assert store.knows(folder.name)
            records[folder.name] = (folder / "record.json").read_bytes()
    return records


def all_whole(store):
    for path in store.checkpoints.glob("*.checkpoint"):
        assert load_checkpoint(path, CPU) is not None
    assert not list(store.root.rglob("*damaged*"))
    return finished(store)


def same_weights(store, reference, trials, tolerance=0.0):
    """Bit-equal under the plan of the reference; within a tolerance under another one."""
    for one in trials:
        ours, theirs = store.weights(one.id), reference.weights(one.id)
        assert ours.keys() == theirs.keys()
        for name in ours:
            torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=tolerance)
        if not tolerance:
            assert store.history(one.id) == reference.history(one.id)
        assert store.record(one.id).status == "finished"


@pytest.mark.slow
def test_killed_at_five_random_moments(digits_folder, undisturbed, tmp_path):
    reference, duration = undisturbed
    store = TrialStore(tmp_path / "store")
    moments = random.Random(7)
    before, earlier = {}, []
    for run in range(6):
        log = tmp_path / f"log{run}"
        process = start(digits_folder, store.root, "inline", EPOCHS, log)
        if run < 5:
            wait_for(lambda log=log: log.exists())
            time.sleep(moments.uniform(0.0, 0.3) * duration)
            process.kill()
            process.join()
            assert process.exitcode == -signal.SIGKILL
        else:
            finish(process)
        steps = read_log(log)
        check_repeated(steps, earlier)
        earlier.append({(ids, step): at for ids, step, at in steps})
        # None of the trials that were finished is trained again.
        assert not any(set(ids.split(",")) <= before.keys() for ids, _, _ in steps)
        after = all_whole(store)
        assert before.items() <= after.items()
        before = after
    trials = planned(digits_folder, EPOCHS)
    assert before.keys() == {one.id for one in trials}
    assert not list(store.root.rglob("*.partial"))
    assert not list(store.checkpoints.iterdir())
    same_weights(store, reference, trials)


def check_repeated(steps, earlier):
    """What this run repeats of each one before it took that one no longer than an interval."""
    taken = {(ids, step) for ids, step, _ in steps}
    for reached in earlier:
        repeated = taken & reached.keys()
        for cohort in {ids for ids, _ in repeated}:
            times = sorted(reached[ids, step] for ids, step in repeated if ids == cohort)
            longest = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
            assert times[-1] - times[0] <= INTERVAL + longest


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def children(pid):
    """Worker processes of a run; not the resource tracker of multiprocessing."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            found.append(int(child))
    return found


def runs(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_two_processes_and_their_kills(digits_folder, undisturbed, tmp_path):
    reference, _ = undisturbed
    store = TrialStore(tmp_path / "store")
    arguments = (digits_folder, store.root, "processes", EPOCHS)

    def checkpoints():
        found = {}
        for path in store.checkpoints.glob("*.checkpoint"):
            # A cohort that ends meanwhile takes its checkpoint with it.
            with contextlib.suppress(FileNotFoundError):
                found[path.name] = path.stat().st_mtime_ns
        return found

    # The parent is killed: its workers end by themselves.
    process = start(*arguments, tmp_path / "log0")
    wait_for(checkpoints)
    workers = children(process.pid)
    assert len(workers) == 2
    process.kill()
    process.join()
    wait_for(lambda: not any(runs(worker) for worker in workers), 10)
    before = all_whole(store)

    # Workers are killed (both: one alone might just have been idle): one line for the user.
    stood = checkpoints()
    process = start(*arguments, tmp_path / "log1")
    wait_for(lambda: checkpoints() != stood)
    workers = children(process.pid)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    process.join(30)
    assert process.exitcode == 1
    message = (tmp_path / "log1.error").read_text()
    assert message.startswith("A training worker was killed. Run again:")
    assert "\n" not in message
    assert not any(runs(worker) for worker in workers)
    after = all_whole(store)
    assert before.items() <= after.items()

    finish(start(*arguments, tmp_path / "log2"))
    trials = planned(digits_folder, EPOCHS)
    assert after.items() <= finished(store).items()
    # Where one cohort of two resumes, the six trials that are left are shared out among two workers
    # as 2, 2, 1 and 1: a trial alone agrees with the same trial in a cohort to a tolerance.
    same_weights(store, reference, trials, tolerance=1e-5)
    assert {store.record(one.id).plan for one in trials} == {"cohorts of 2, 2 processes, 1 thread"}
