"""Plateau, early stopping and best epoch, against torch and a direct reading of the words."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau

from latentlab.training.config import TrainingConfig
from latentlab.training.plateau import initial_watch, watched

# No score lies within float32's rounding of another one's threshold.
scores = st.integers(-9000, 9000).map(lambda n: n / 64)
sequences = st.lists(scores | st.just(math.nan) | st.just(math.inf), min_size=1, max_size=40)
close = st.lists(st.sampled_from([1.0, 0.99995, 0.9998, 0.9996, 1.1, -1.0, 0.0]), max_size=40)


def hyper(trials, patience=3.0, reduction=0.5, stop=0.0):
    return {
        "training.plateau_patience": torch.full((trials,), float(patience)),
        "training.reduction": torch.full((trials,), reduction),
        "training.stop_patience": torch.full((trials,), float(stop)),
    }


def follow(sequence, config, numbers):
    watch = initial_watch(1, torch.device("cpu"))
    rows = []
    for epoch, score in enumerate(sequence):
        watch, improved, stop = watched(watch, torch.tensor([score]), epoch, config, numbers)
        rows.append((watch, bool(improved), bool(stop)))
    return rows


@settings(deadline=None, max_examples=200)
@given(sequences | close, st.integers(0, 4), st.sampled_from([0.5, 0.25]))
def test_plateau_equals_torch(sequence, patience, reduction):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = ReduceLROnPlateau(optimiser, mode="min", factor=reduction, patience=patience, eps=0)
    theirs = []
    for score in sequence:
        scheduler.step(score)
        theirs.append(optimiser.param_groups[0]["lr"])
    rows = follow(sequence, TrainingConfig(schedule="plateau"), hyper(1, patience, reduction))
    assert [float(watch["factor"]) for watch, _, _ in rows] == theirs


@settings(deadline=None, max_examples=200)
@given(sequences | close, st.integers(0, 4))
def test_best_epoch_and_early_stopping(sequence, patience):
    rows = follow(sequence, TrainingConfig(), hyper(1, stop=patience))
    lowest, best_epoch = math.inf, -1
    for epoch, (score, (watch, improved, stop)) in enumerate(zip(sequence, rows, strict=True)):
        better = score < lowest
        if better:
            lowest, best_epoch = score, epoch
        assert improved == better
        assert int(watch["best_epoch"]) == best_epoch
        assert stop == (patience > 0 and epoch - best_epoch >= patience)
        assert float(watch["factor"]) == 1.0


def test_trials_are_watched_apart():
    config = TrainingConfig(schedule="plateau")
    numbers = hyper(3)
    numbers["training.plateau_patience"] = torch.tensor([0.0, 1.0, 5.0])
    watch = initial_watch(3, torch.device("cpu"))
    for epoch in range(4):
        watch, _, _ = watched(watch, torch.ones(3), epoch, config, numbers)
    assert watch["factor"].tolist() == [0.125, 0.5, 1.0]


@pytest.mark.parametrize(
    "watching", [{"schedule": "plateau"}, {"stop_patience": 2}, {"keep": "best"}]
)
def test_watching_a_score_that_is_not_taken_is_refused(watching):
    with pytest.raises(ValueError, match="set validate_every to 1, or monitor to train_total"):
        TrainingConfig(validate_every=2, **watching)
    TrainingConfig(validate_every=2, monitor="train_total", **watching)
    with pytest.raises(ValueError, match="watch validation_kl after every epoch"):
        TrainingConfig(validate_every=2, monitor="validation_kl", **watching)


@pytest.mark.parametrize("monitor", ["learning_rate", "accuracy", "test_total", "validation_"])
def test_only_training_and_validation_can_be_watched(monitor):
    with pytest.raises(ValueError, match="monitor"):
        TrainingConfig(monitor=monitor)


@pytest.mark.parametrize("value", [math.inf, math.nan])
@pytest.mark.parametrize("key", ["learning_rate", "weight_decay", "gradient_clip", "warmup_steps"])
def test_numbers_that_are_none_are_refused(key, value):
    with pytest.raises(ValueError, match=key):
        TrainingConfig(**{key: value})
