"""A search pauses its trials at rungs: what goes on afterwards is what would have been trained."""

import pytest
import torch

from labs.trainer import INLINE, train_trials, trial
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training.runner import Trainer
from latentlab.training.store import TrialStore

LONG = {"training": {"epochs": 4, "batch_size": 256}}
PLAN = INLINE.model_copy(update={"cohort": 4})


@pytest.fixture
def four(digits):
    return [trial(digits, seed, **LONG) for seed in range(4)]


def test_a_pause_changes_nothing(digits_folder, four, tmp_path):
    whole = TrialStore(tmp_path / "whole" / "study")
    train_trials(METHOD, four, digits_folder, whole, PLAN)
    paused = TrialStore(tmp_path / "paused" / "study")
    with Trainer(METHOD, digits_folder, paused, PLAN) as trainer:
        for epoch in (1, 3):
            trainer.train(four, pause=epoch)
            assert not any(paused.knows(one.id) for one in four)
            histories = trainer.histories(four)
            assert [len(histories[one.id]["train_total"]) for one in four] == [epoch] * 4
            for one in four:
                done = whole.history(one.id)["validation_total"][:epoch]
                assert histories[one.id]["validation_total"] == done
        # A pause that lies behind trains nothing.
        trainer.train(four, pause=2)
        trainer.train(four)
    for one in four:
        assert paused.history(one.id) == whole.history(one.id)
        for name, tensor in whole.weights(one.id).items():
            assert torch.equal(tensor, paused.weights(one.id)[name])


def test_abandoned_trials_are_left_and_the_others_go_on(digits_folder, four, tmp_path):
    whole = TrialStore(tmp_path / "whole" / "study")
    train_trials(METHOD, four, digits_folder, whole, PLAN)
    store = TrialStore(tmp_path / "halved" / "study")
    with Trainer(METHOD, digits_folder, store, PLAN) as trainer:
        trainer.train(four, pause=2)
        trainer.abandon([four[0], four[2]])
        kept = [four[1], four[3]]
        trainer.train(kept)
    assert [store.knows(one.id) for one in four] == [False, True, False, True]
    for one in kept:
        for name, tensor in whole.weights(one.id).items():
            assert torch.equal(tensor, store.weights(one.id)[name])
    assert not list(store.checkpoints.glob("*.checkpoint"))


def test_abandoning_all_removes_the_checkpoint(digits_folder, four, tmp_path):
    store = TrialStore(tmp_path / "store")
    with Trainer(METHOD, digits_folder, store, PLAN) as trainer:
        trainer.train(four, pause=1)
        trainer.abandon(four)
        assert trainer.histories(four) == {}
    assert not list(store.checkpoints.glob("*.checkpoint"))
