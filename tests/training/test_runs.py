"""Whole runs: what is known is not trained again, what is damaged or forgotten is."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from labs.trainer import INLINE, advance, cohort, load, train_trials, trial, write_digits
from latentlab.compute import ComputeConfig, ExecutionPlan
from latentlab.core.errors import UserError
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training import halving
from latentlab.training.checkpoint import Checkpoint, save_checkpoint
from latentlab.training.runner import Trainer
from latentlab.training.store import TrialStore

SHORT = {"training": {"epochs": 2, "batch_size": 256}}
PLAN = INLINE.model_copy(update={"cohort": 4})


@pytest.fixture
def store(tmp_path):
    return TrialStore(tmp_path / "models" / "study")


def four(data):
    return [trial(data, seed, **SHORT) for seed in range(4)]


def run(trials, folder, store, compute=PLAN, **kwargs):
    return train_trials(METHOD, trials, folder, store, compute, **kwargs)


def times(store, trials):
    return {one.id: store.record(one.id).finished_at for one in trials}


def test_known_trials_are_not_trained_again(digits, digits_folder, store):
    trials = four(digits)
    assert run(trials[:2], digits_folder, store) == {one.id for one in trials[:2]}
    before = times(store, trials[:2])
    # The same configuration and seed under two arms' names is one trial.
    twice = [*trials, trial(digits, 3, arm="other name", **SHORT)]
    assert run(twice, digits_folder, store) == {one.id for one in trials[2:]}
    assert before.items() <= times(store, trials).items()
    assert run(trials, digits_folder, store) == frozenset()
    assert run([], digits_folder, store) == frozenset()


def test_a_cohort_that_had_not_begun_is_trained_as_it_was_planned(
    digits, digits_folder, store, monkeypatch
):
    trials, pairs = four(digits), PLAN.model_copy(update={"cohort": 2})
    run(trials, digits_folder, store, pairs)
    digests = {one.id: store.record(one.id).weights_digest for one in trials}
    cut, choose = [], Trainer._choices

    def choices(self, groups, paths):
        cut.append(len(groups))
        return choose(self, groups, paths)

    monkeypatch.setattr(Trainer, "_choices", choices)
    for settings in (pairs, PLAN):
        # As a driver leaves it that is killed between two cohorts.
        for one in trials[2:]:
            store.remove(one.id)
        run(trials, digits_folder, store, settings)
    # Nothing was left to be cut into cohorts; under other settings it is cut anew.
    assert cut == [0, 1]
    assert digests == {one.id: store.record(one.id).weights_digest for one in trials}


def test_retrain_trains_again_from_the_start(digits, digits_folder, store):
    trials = four(digits)
    run(trials, digits_folder, store)
    before, weights = times(store, trials), store.weights(trials[0].id)
    # A cohort that a killed run left is forgotten too: these weights would show.
    group = advance(cohort(trials, digits), 3)
    group.state.weights += 1.0
    left(store, group, "left")
    others = left(store, cohort([trial(digits, 9, **SHORT)], digits), "others")
    assert run(trials[:3], digits_folder, store, retrain=True) == {one.id for one in trials[:3]}
    after = times(store, trials)
    assert all(before[one.id] != after[one.id] for one in trials[:3])
    assert before[trials[3].id] == after[trials[3].id]
    again = store.weights(trials[0].id)
    assert all(torch.equal(again[name], weights[name]) for name in weights)
    assert [p.name for p in store.checkpoints.iterdir()] == [others.name]


def left(store, group, name):
    with store.locked():
        path = store.checkpoints / f"{name}.checkpoint"
        ids = tuple(one.id for one in group.trials)
        plan = ExecutionPlan(len(ids))
        save_checkpoint(path, Checkpoint(ids, "then", plan, group.state, group.scores))
    return path


def test_a_damaged_trial_is_trained_again(digits, digits_folder, store, caplog):
    trials = four(digits)
    run(trials, digits_folder, store)
    # Copied: what the store gives is the file itself, mapped into memory.
    weights = {name: tensor.clone() for name, tensor in store.weights(trials[1].id).items()}
    (store.folder(trials[1].id) / "weights.safetensors").write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert run(trials, digits_folder, store) == {trials[1].id}
    assert "is damaged" in caplog.text
    again = store.weights(trials[1].id)
    # Alone now, then in a cohort of four.
    assert all((again[name] - weights[name]).abs().max() < 1e-5 for name in weights)


def test_a_damaged_checkpoint_costs_only_its_steps(digits, digits_folder, store, caplog):
    trials = four(digits)
    path = left(store, advance(cohort(trials, digits), 3), "left")
    path.write_bytes(path.read_bytes()[:-5])
    with caplog.at_level(logging.WARNING):
        assert run(trials, digits_folder, store) == {one.id for one in trials}
    assert "is damaged" in caplog.text


def test_cohorts_left_by_runs_with_other_plans_train_no_trial_twice(
    digits, digits_folder, store, monkeypatch
):
    trials = four(digits)
    left(store, advance(cohort(trials[:3], digits), 4), "a")
    left(store, advance(cohort(trials[1:], digits), 2), "b")
    trained = []
    real = halving.train_cohort

    def noted(job, *args):
        trained.extend(one.id for one in job.trials)
        real(job, *args)

    monkeypatch.setattr(halving, "train_cohort", noted)
    assert run(trials, digits_folder, store) == {one.id for one in trials}
    assert sorted(trained) == sorted(one.id for one in trials)
    assert not list(store.checkpoints.iterdir())


def test_a_cohort_with_trials_that_are_not_planned_waits(digits, digits_folder, store):
    trials = four(digits)
    path = left(store, advance(cohort(trials, digits), 4), "later")
    run(trials[:2], digits_folder, store)
    assert path.exists()
    weights = store.weights(trials[0].id)
    before = times(store, trials[:2])
    assert run(trials, digits_folder, store) == {one.id for one in trials[2:]}
    assert not path.exists()
    assert times(store, trials[:2]) == before
    again = store.weights(trials[0].id)
    assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_a_finished_cohorts_checkpoint_is_cleared(digits, digits_folder, store):
    """Killed after its last trial was stored and before its checkpoint was removed."""
    trials = four(digits)
    run(trials, digits_folder, store)
    path = left(store, advance(cohort(trials, digits), 4), "done")
    run([*trials, trial(digits, 8, **SHORT)], digits_folder, store)
    assert not path.exists()


def test_data_prepared_anew_in_one_folder_is_read_anew(tmp_path, store):
    folder = tmp_path / "prepared" / "digits"
    for subset in (400, 300):
        write_digits(folder, subset)
        data = load(folder)
        one = trial(data, training={"epochs": 1, "batch_size": 64})
        run([one], folder, store)
        # 10 % are held out.
        assert store.record(one.id).steps == len(data.train) * 9 // 10 // 64
    stale = replace(one, data="planned for other data")
    with pytest.raises(UserError, match="changed after the trials were planned"):
        run([stale], folder, store)


def test_a_run_leaves_the_process_as_it_was(digits, digits_folder, store):
    torch.set_num_threads(2)
    run(four(digits), digits_folder, store)
    assert torch.get_num_threads() == 2
    assert torch.get_float32_matmul_precision() == "highest"


def test_trials_of_different_shapes_train_in_cohorts_of_their_own(digits, digits_folder, store):
    wide = [trial(digits, s, "wide", model={"hidden": 24}, **SHORT) for s in range(2)]
    assert len(run([*four(digits), *wide], digits_folder, store)) == 6
    assert store.record(wide[0].id).cohort == 2
    assert store.record(four(digits)[0].id).cohort == 4
    assert store.weights(wide[0].id)["encoder.first.weight"].shape == (64, 24)


def test_half_precision_trains_and_is_another_trial(digits, digits_folder, store):
    half = [trial(digits, s, precision="bfloat16", **SHORT) for s in range(2)]
    compute = PLAN.model_copy(update={"precision": "bfloat16"})
    run([*four(digits)[:2]], digits_folder, store)
    run(half, digits_folder, store, compute)
    for full, one in zip(four(digits), half, strict=False):
        assert store.record(one.id).precision == "bfloat16"
        ours, theirs = (store.history(t.id)["train_total"] for t in (one, full))
        assert ours != theirs
        assert ours == pytest.approx(theirs, rel=0.01)
        assert {t.dtype for t in store.weights(one.id).values()} == {torch.float32}


def test_a_missing_gpu_is_told_before_anything_is_touched(digits, digits_folder, store):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UserError, match="no CUDA device"):
        run(four(digits), digits_folder, store, ComputeConfig(device="cuda"), retrain=True)
    assert not store.root.exists()


def test_a_compiler_that_does_not_work_is_told_in_one_line(
    digits, digits_folder, store, monkeypatch
):
    from torch._dynamo.exc import TorchDynamoException

    def breaks(*args):
        raise TorchDynamoException("No working C++ compiler found\n\nSet TORCHDYNAMO_VERBOSE=1")

    monkeypatch.setattr(halving, "train_cohort", breaks)
    compute = PLAN.model_copy(update={"compile": True})
    with pytest.raises(UserError, match="cannot be compiled: No working C") as caught:
        run(four(digits), digits_folder, store, compute)
    assert "VERBOSE" not in str(caught.value)


def test_a_second_run_is_turned_away(digits, digits_folder, store):
    with store.locked(), ThreadPoolExecutor() as pool:
        second = pool.submit(run, four(digits), digits_folder, TrialStore(store.root))
        with pytest.raises(UserError, match="Another run is training"):
            second.result()
        # A part of the run that holds the store may take it.
        assert run(four(digits), digits_folder, TrialStore(store.root))
