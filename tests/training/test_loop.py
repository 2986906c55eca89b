"""From cohort to stored trials: early stopping, compaction, best weights, records, resumes."""

import math
import os
import sys
from pathlib import Path

import pytest
import torch

from labs.trainer import CPU, advance, cohort, trial
from latentlab.compute.plan import ExecutionPlan
from latentlab.core.errors import UserError
from latentlab.studies.derp_vae.method import DerpVaeMethod
from latentlab.training import loop
from latentlab.training.checkpoint import Checkpoint, save_checkpoint
from latentlab.training.loop import CohortJob, train_cohort
from latentlab.training.store import TrialStore


class Scripted(DerpVaeMethod):
    """Totals follow a script by epoch: trial of beta b improves for b epochs, then no more."""

    def loss(self, model, batch, hyper, noise, state, clock):
        total, terms, state = super().loss(model, batch, hyper, noise, state, clock)
        shown = 1000.0 - torch.minimum(clock.epoch, hyper["objective.beta"])
        return total - total.detach() + shown, terms, state

    def init_state(self, config, spec, rng):
        return super().init_state(config, spec, rng) | {"epochs": torch.zeros(())}

    def after_epoch(self, state, scores, hyper, clock):
        return state | {"epochs": state["epochs"] + 1}

    def outcome(self, state, scores):
        return "ok" if math.isfinite(scores["train_total"]) else "no scores"


def scripted(digits, betas, **training):
    return [
        trial(
            digits,
            seed,
            objective={"beta": beta},
            training={"epochs": 12, "batch_size": 256, "stop_patience": 2, **training},
        )
        for seed, beta in enumerate(betas)
    ]


def train(trials, digits, root, method=None, seconds=10.0, name="job"):
    store, sizes = TrialStore(root), []
    job = CohortJob(method or Scripted(), tuple(trials), ExecutionPlan(len(trials)), name, seconds)
    with store.locked():
        train_cohort(job, digits, store, CPU, sizes.append)
    return store


def test_a_stopped_trial_has_the_record_that_it_has_alone(digits, tmp_path):
    trials = scripted(digits, [2, 20, 20])
    together = train(trials, digits, tmp_path / "together")
    alone = train(trials[:1], digits, tmp_path / "alone")
    for store in (together, alone):
        record = store.record(trials[0].id)
        # Best in epochs 0, 1, 2; epochs 3 and 4 are not better.
        assert (record.status, record.epochs, record.steps) == ("stopped", 5, 25)
        assert (record.best_epoch, record.diverged_at, record.outcome) == (2, None, "ok")
    history = together.history(trials[0].id)
    assert history["train_total"] == alone.history(trials[0].id)["train_total"]
    assert history["train_total"] == [1000.0, 999.0, 998.0, 998.0, 998.0]
    assert len(alone.history(trials[0].id)["learning_rate"]) == 5
    record = together.record(trials[1].id)
    assert (record.status, record.epochs, record.steps) == ("finished", 12, 60)


def test_a_stopped_trials_weights_stay_as_they_were(digits):
    trials = scripted(digits, [2, 20])
    group, alone = (
        cohort(t, digits, method=Scripted()) for t in (trials, scripted(digits, [2, 3]))
    )
    advance(group, 40)
    advance(alone, 25)
    assert torch.equal(group.state.weights[0], alone.state.weights[0])
    assert group.state.alive.tolist() == [False, True]


@pytest.mark.parametrize("betas", [[0, 1, 1, 2, 3, 20, 20], [0, 0, 0, 0, 20], [0, 1, 2]])
def test_compaction_below_half_and_never_below_two(digits, tmp_path, monkeypatch, betas):
    trials, seen = scripted(digits, betas), []
    real = loop._drop_finished

    def watched(group, *args):
        alive = int(group.state.alive.sum())
        before = len(group.trials)
        real(group, *args)
        after = len(group.trials)
        seen.append((before, alive, after))

    monkeypatch.setattr(loop, "_drop_finished", watched)
    store = train(trials, digits, tmp_path)
    for before, alive, after in seen:
        if alive > 0 and 2 * alive < before:
            assert after == max(2, alive)
        else:
            assert after == before
    if 20 in betas:
        assert 2 <= seen[-1][2] < len(betas)
    for one, beta in zip(trials, betas, strict=True):
        stops = beta + 3
        assert store.record(one.id).epochs == min(stops, 12)
        assert store.record(one.id).status == ("stopped" if stops < 12 else "finished")
        assert len(store.history(one.id)["train_total"]) == min(stops, 12)


def test_best_weights_and_state_are_those_of_the_best_epoch(digits, tmp_path):
    trials = scripted(digits, [2, 3, 20], keep="best", stop_patience=0, epochs=6)
    store = train(trials, digits, tmp_path / "best")
    for one, epochs in zip(trials, (3, 4, 6), strict=True):
        group = advance(cohort(trials, digits, method=Scripted()), 5 * epochs)
        stored = store.weights(one.id)
        row = group.layout.single(group.state.weights[trials.index(one)])
        assert all(torch.equal(stored[name], tensor) for name, tensor in row.items())
        assert stored["state.epochs"] == epochs
        assert store.record(one.id).best_epoch == epochs - 1
        assert store.record(one.id).status == "finished"


@pytest.mark.parametrize("monitor", ["validation_total", "validation_script", "train_script"])
def test_any_term_can_be_watched(digits, tmp_path, monitor):
    """The total improves in every epoch, the term for two: the weights that are kept say which."""

    class TwoScripts(DerpVaeMethod):
        def loss(self, model, batch, hyper, noise, state, clock):
            total, terms, state = super().loss(model, batch, hyper, noise, state, clock)
            script = 10.0 - torch.clamp(clock.epoch, max=2.0)
            return total - total.detach() - clock.epoch, terms | {"script": script}, state

    one = trial(
        digits,
        training={"epochs": 5, "batch_size": 256, "keep": "best", "monitor": monitor},
    )
    store = train([one], digits, tmp_path, TwoScripts())
    assert store.record(one.id).best_epoch == (4 if monitor == "validation_total" else 2)


def test_watching_a_term_that_there_is_not(digits):
    one = trial(digits, training={"monitor": "validation_accuracy"})
    with pytest.raises(UserError, match="monitor is validation_accuracy") as caught:
        cohort([one], digits)
    assert "train_total, train_reconstruction" in str(caught.value)
    assert "learning_rate" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_method_state_is_stored_with_the_weights(digits, tmp_path):
    one = trial(
        digits,
        objective={"probes": 4, "distributional_weight": 1.0},
        training={"epochs": 1, "batch_size": 256},
    )
    store = train([one], digits, tmp_path, DerpVaeMethod())
    stored = store.weights(one.id)
    assert stored["state.probes"].shape == (4, 3)
    torch.testing.assert_close(stored["state.probes"].norm(dim=1), torch.ones(4))
    assert {name for name in stored if not name.startswith("state.")} == set(
        cohort([one], digits).layout.names
    )


@pytest.mark.parametrize("size", [1, 2])
def test_one_step_an_epoch(digits, tmp_path, size):
    trials = [
        trial(digits, seed, training={"epochs": 5, "batch_size": 1000, "schedule": "cosine"})
        for seed in range(size)
    ]
    store = train(trials, digits, tmp_path, DerpVaeMethod())
    for one in trials:
        record = store.record(one.id)
        assert (record.status, record.steps, record.epochs) == ("finished", 5, 5)
        rates = store.history(one.id)["learning_rate"]
        assert rates == pytest.approx(
            [3e-3 * (1 + math.cos(math.pi * t / 4)) / 2 for t in range(5)], abs=1e-9
        )


def test_validation_every_other_epoch_and_after_the_last(digits, tmp_path):
    changes = {
        "epochs": 6,
        "batch_size": 256,
        "validate_every": 4,
        "schedule": "plateau",
        "monitor": "train_total",
        "plateau_patience": 0,
        "stop_patience": 0,
    }
    trials = scripted(digits, [1, 20], **changes)
    store = train(trials, digits, tmp_path)
    history = store.history(trials[0].id)
    taken = [value is not None for value in history["validation_total"]]
    assert taken == [False, False, False, True, False, True]
    # Epochs 0 and 1 are better than before; each later one halves the next one's rate.
    assert history["learning_rate"] == pytest.approx(
        [3e-3 * factor for factor in (1, 1, 1, 0.5, 0.25, 0.125)]
    )
    assert store.history(trials[1].id)["learning_rate"] == pytest.approx([3e-3] * 6)


def test_training_scores_are_means_over_the_epochs_steps(digits):
    group, rows = cohort([trial(digits, 0), trial(digits, 1)], digits), []
    before = group.state.sums
    for _ in range(group.epoch_steps - 1):
        group.advance()
        rows.append(group.state.sums - before)
        before = group.state.sums
    # The last step ends the epoch: what it adds is taken beside it, from the same weights.
    inputs = group._inputs(group.epoch_steps - 1)
    totals, terms, _ = group._program.losses(inputs.loss)
    rows.append(torch.stack([totals, *terms.values()], dim=1).detach())
    group.advance()
    torch.testing.assert_close(
        group.state.history[:, 0, : len(group.terms)], torch.stack(rows).mean(0)
    )


def test_a_batch_larger_than_the_data(digits):
    with pytest.raises(UserError, match="batch_size is 5000, but only 1294"):
        cohort([trial(digits, training={"batch_size": 5000})], digits)


def test_a_resume_of_a_cohort_that_was_stored_in_part(digits, tmp_path):
    """Killed while it stored: what is stored stays as it is, the others are the same to the bit."""
    trials = [trial(digits, s, training={"epochs": 2, "batch_size": 256}) for s in range(4)]
    reference = train(trials, digits, tmp_path / "reference", DerpVaeMethod())
    store = TrialStore(tmp_path / "store")
    with store.locked():
        pass
    group = advance(cohort(trials, digits), 7)
    ids = tuple(one.id for one in trials)
    path = store.checkpoints / "job.checkpoint"
    save_checkpoint(path, Checkpoint(ids, "then", ExecutionPlan(4), group.state, group.scores))
    for one in trials[:3]:
        reference.folder(one.id).rename(store.folder(one.id))
    kept = {i: (store.folder(i) / "record.json").read_bytes() for i in ids[:3]}
    train(trials, digits, store.root, DerpVaeMethod())
    assert {i: (store.folder(i) / "record.json").read_bytes() for i in ids[:3]} == kept
    assert not path.exists()
    ours, theirs = store.weights(ids[3]), reference.weights(ids[3])
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert store.record(ids[3]).started_at == "then"


def test_news_of_the_progress(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    store, news = TrialStore(tmp_path), []
    trials = [trial(digits, s, training={"epochs": 1, "batch_size": 256}) for s in range(2)]
    job = CohortJob(DerpVaeMethod(), tuple(trials), ExecutionPlan(2), "job", 10.0)
    with store.locked():
        train_cohort(job, digits, store, CPU, news.append)
    assert [n["steps"] for n in news] == [2, 4, 6, 8, 10, 10]
    assert {(n["total"], n["cohort"]) for n in news} == {(10, "job")}


@pytest.mark.parametrize("broken", ["checkpoint", "trial"])
def test_a_full_disk_is_a_users_error_and_the_run_resumes(digits, tmp_path, monkeypatch, broken):
    trials = [trial(digits, s, training={"epochs": 2, "batch_size": 256}) for s in range(2)]
    reference = train(trials, digits, tmp_path / "reference", DerpVaeMethod())

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)
        seconds = 1e-6 if broken == "checkpoint" else 100.0
        with pytest.raises(UserError, match="No space left on device"):
            train(trials, digits, tmp_path / "store", DerpVaeMethod(), seconds)
    assert not list((tmp_path / "store").rglob("*partial*"))
    store = train(trials, digits, tmp_path / "store", DerpVaeMethod())
    for one in trials:
        ours, theirs = store.weights(one.id), reference.weights(one.id)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


class Disk:
    """Notes what the disk has for certain, and what takes away the checkpoint while it has less.

    Of each file its content, of each folder its names, as they were when it was last flushed.
    """

    def __init__(self, store, monkeypatch):
        self.store, self.has, self.lost, self.taken = store, {}, [], 0
        fsync, replace, unlink = os.fsync, os.replace, Path.unlink

        def flushed(handle):
            fsync(handle)
            self.has[os.fstat(handle).st_ino] = self.state(f"/proc/self/fd/{handle}")

        def replaced(source, target):
            self.look(target)
            replace(source, target)

        def unlinked(path, **kwargs):
            self.look(path)
            unlink(path, **kwargs)

        monkeypatch.setattr(os, "fsync", flushed)
        monkeypatch.setattr(os, "replace", replaced)
        monkeypatch.setattr(Path, "unlink", unlinked)

    def state(self, path):
        if os.path.isdir(path):
            return {name for name in os.listdir(path) if not name.endswith(".partial")}
        return Path(path).read_bytes()

    def look(self, path):
        if Path(path).suffix == ".checkpoint":
            self.taken += 1
            wanted = [self.store.trials, *self.store.trials.glob("[!.]*")]
            wanted += [file for folder in wanted[1:] for file in folder.iterdir()]
            self.lost += [p for p in wanted if self.has.get(p.stat().st_ino) != self.state(p)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_disk_has_the_trials_before_their_checkpoint_goes(digits, tmp_path, monkeypatch):
    trials = scripted(digits, [0, 1, 1, 2, 3, 20, 20])
    # Two of them were stored by a run that was killed before it could flush them.
    with monkeypatch.context() as patched:
        patched.setattr(TrialStore, "flush", lambda *_: None)
        train(trials[:2], digits, tmp_path)
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)
    disk = Disk(TrialStore(tmp_path), monkeypatch)
    train(trials, digits, tmp_path, seconds=0.0)
    assert disk.taken > 10
    assert not disk.lost
