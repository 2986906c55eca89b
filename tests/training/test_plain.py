"""Plain methods: what trains by itself is the same in every plan and after every resume."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from labs.plain_methods import Adversarial, PlainVae, Vae, plain_config, plain_trial
from labs.trainer import CPU, INLINE, advance, equal_states, load, train_trials, write_digits
from latentlab.compute import ComputeConfig, ExecutionPlan
from latentlab.core.errors import UserError
from latentlab.experiment.timing import seconds_per_step
from latentlab.experiment.trained_model import TrainedModel
from latentlab.training.contract import MethodDefaults
from latentlab.training.data import data_spec
from latentlab.training.groups import open_group
from latentlab.training.plain.method import PlainMethod, configured_optimiser
from latentlab.training.plan_timing import Probe, time_plan
from latentlab.training.runner import Trainer
from latentlab.training.state import CohortState
from latentlab.training.store import TrialStore


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("plain") / "prepared", subset=400)


@pytest.fixture(scope="module")
def data(folder):
    return load(folder)


def opened(data, method=None, **kwargs):
    method = method or PlainVae()
    return open_group(method, [plain_trial(data, method, **kwargs)], data, CPU)


def copied(state):
    """A state as a checkpoint would have it."""
    tensors = {name: tensor.clone() for name, tensor in state.tensors().items()}
    return CohortState.from_tensors(state.step, tensors)


@pytest.mark.parametrize("method", [PlainVae(), Adversarial()], ids=lambda m: m.name)
@pytest.mark.parametrize("steps", [3, 5, 8])
def test_a_resumed_trial_goes_on_bit_for_bit(data, method, steps):
    whole = advance(opened(data, method, keep="best"), 12)
    first = advance(opened(data, method, keep="best"), steps)
    state = copied(first.gathered())
    torch.manual_seed(99)  # what other code drew meanwhile
    again = open_group(method, first.trials, data, CPU, state=state)
    advance(again, 12 - steps)
    assert equal_states(whole.gathered(), again.gathered()) == []
    assert whole.state.step == 12


def test_counters_and_buffers_belong_to_the_state(data):
    group = advance(opened(data), 5)
    assert group.module.num_iter == 5
    again = open_group(group.method, group.trials, data, CPU, state=copied(group.gathered()))
    assert again.module.num_iter == 5
    assert torch.equal(again.module.usage, group.module.usage)
    assert again.module.encoder[1].num_batches_tracked == 5


class CountingVae(PlainVae):
    """Its module counts in an attribute that stands in the class at first, as public code does."""

    class Module(Vae):
        steps = 0

    def build(self, config, spec, rng):
        return self.Module(int(np.prod(spec.shape)), config.latent)

    def training_step(self, module, batch, step):
        module.steps += 1
        return super().training_step(module, batch, step)


def test_a_counter_of_the_class_begins_and_goes_on_as_one_of_the_module(data):
    group = opened(data, CountingVae())
    assert group.module.steps == 0
    advance(group, 4)
    again = open_group(group.method, group.trials, data, CPU, state=copied(group.gathered()))
    assert again.module.steps == group.module.steps == 4


def test_opening_trains_nothing(data):
    group = opened(data)
    assert group.module.num_iter == 0
    assert group.module.encoder[1].num_batches_tracked == 0


def test_every_plan_gives_the_same_weights(tmp_path, folder, data):
    method = PlainVae()
    trials = [plain_trial(data, method, seed=seed) for seed in range(3)]
    stores = {}
    for name, compute in {
        "alone": INLINE,
        "two": ComputeConfig(engine="processes", workers=2, threads=1),
    }.items():
        stores[name] = TrialStore(tmp_path / name)
        train_trials(method, trials, folder, stores[name], compute)
    alone = TrialStore(tmp_path / "one")
    train_trials(method, trials[1:2], folder, alone, INLINE)
    for trial in trials:
        digests = {store.record(trial.id).weights_digest for store in stores.values()}
        assert len(digests) == 1
    assert alone.record(trials[1].id).weights_digest == (
        stores["alone"].record(trials[1].id).weights_digest
    )
    assert stores["two"].record(trials[0].id).plan == "cohorts of 1, 2 processes, 1 thread"


def test_a_paused_training_ends_with_the_same_weights(tmp_path, folder, data):
    method = PlainVae()
    trial = plain_trial(data, method)
    whole, paused = TrialStore(tmp_path / "whole"), TrialStore(tmp_path / "paused")
    train_trials(method, [trial], folder, whole, INLINE)
    with Trainer(method, folder, paused, INLINE) as trainer:
        trainer.train([trial], pause=1)
        assert not paused.folder(trial.id).exists()
        trainer.train([trial])
    assert paused.record(trial.id).weights_digest == whole.record(trial.id).weights_digest


def test_a_stored_trial_is_read_back_whole(tmp_path, folder, data):
    from latentlab.data import load_prepared

    method, store = PlainVae(), TrialStore(tmp_path)
    trial = plain_trial(data, method)
    train_trials(method, [trial], folder, store, INLINE)
    group = opened(data)
    while not group.finished:
        group.advance()
    spec = data_spec(load_prepared(folder))
    model = TrainedModel.load(method, type(trial.config), store.folder(trial.id), spec, CPU)
    assert not model.module.training
    for name, tensor in group.module.state_dict().items():
        assert torch.equal(model.module.state_dict()[name], tensor), name
    x = data.train.batch(torch.arange(5)).features
    with model.drawing("test"):
        first = model.module(x)[0]
    with model.drawing("test"):
        assert torch.equal(first, model.module(x)[0])


def test_the_trainer_gives_what_it_gives_everyone(tmp_path, folder, data):
    method, store = PlainVae(), TrialStore(tmp_path)
    trial = plain_trial(
        data, method, epochs=30, learning_rate=0.05, stop_patience=2, keep="best",
        schedule="plateau", warmup_steps=3, gradient_clip=1.0,
    )  # fmt: skip
    train_trials(method, [trial], folder, store, INLINE)
    record, history = store.record(trial.id), store.history(trial.id)
    assert record.status == "stopped"
    assert record.epochs == len(history["validation_total"]) == record.best_epoch + 3
    assert np.argmin(history["validation_total"]) == record.best_epoch
    assert set(history) == {
        *(f"{split}_{term}" for split in ("train", "validation") for term in ("total", "kl")),
        *(f"{split}_reconstruction" for split in ("train", "validation")),
        "learning_rate",
    }


def test_rates_follow_the_schedule(data):
    group = opened(data, warmup_steps=4, learning_rate=0.01)
    seen = []
    for _ in range(6):
        group.advance()
        seen.append(group._optimisers[0].param_groups[0]["lr"])
    assert seen == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01])


def test_the_rates_that_are_recorded_are_those_of_its_own_schedule(data):
    group = advance(opened(data, OwnSchedule()), 10)
    rates = group.state.history[0, :, list(group.scores).index("learning_rate")]
    assert rates.tolist() == pytest.approx([3e-3, 3e-4])


class Diverges(PlainVae):
    """Every step takes ten milliseconds, as long as there are any."""

    def training_step(self, module, batch, step):
        time.sleep(0.01)
        loss, terms = super().training_step(module, batch, step)
        return (loss * float("nan") if step.number == 2 else loss), terms


def test_steps_that_a_diverged_trial_skips_are_not_timed(data):
    group = opened(data, Diverges())
    assert all(seconds_per_step(group, CPU, 10) > 0.01 for _ in range(2))
    timing = time_plan(Probe(Diverges(), tuple(group.trials), ExecutionPlan(1), 0.1), data, CPU)
    assert timing.step > 0.01


def test_divergence_freezes_the_trial(data):
    class Breaks(PlainVae):
        def training_step(self, module, batch, step):
            loss, terms = super().training_step(module, batch, step)
            return (loss * float("nan") if step.number == 4 else loss), terms

    group = advance(opened(data, Breaks()), 4)
    before = {n: t.clone() for n, t in group.module.named_parameters()}
    advance(group, 1)
    assert group.finished
    assert int(group.state.diverged_at) == 4
    assert int(group.state.steps) == 4
    assert all(torch.equal(before[n], t) for n, t in group.module.named_parameters())


def test_arms_of_a_seed_draw_the_same_numbers(data):
    seen = []

    class Draws(PlainVae):
        def training_step(self, module, batch, step):
            seen.append(torch.rand(2))
            return super().training_step(module, batch, step)

    for latent in (3, 5):
        advance(opened(data, Draws(), latent=latent), 2)
    first, second = seen[1:3], seen[4:6]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[1])


def test_batched_and_plain_arms_train_in_one_study(tmp_path, folder, data):
    from dataclasses import replace

    from labs.trainer import METHOD, trial

    class Both:
        name, version = "both", 1

        def of(self, config):
            return PlainVae() if hasattr(config, "latent") else METHOD

    store = TrialStore(tmp_path)
    batched = [replace(trial(data, seed=seed), study="plain") for seed in range(3)]
    plain = [plain_trial(data, PlainVae(), seed=seed) for seed in range(2)]
    compute = INLINE.model_copy(update={"cohort": 3})
    trained = train_trials(Both(), [*batched, *plain], folder, store, compute)
    assert len(trained) == 5
    assert {store.record(t.id).cohort for t in plain} == {1}
    assert {store.record(t.id).cohort for t in batched} == {3}


class NoScalar(PlainVae):
    def training_step(self, module, batch, step):
        loss, terms = super().training_step(module, batch, step)
        return loss.expand(3), terms


class NoScalarAlone(PlainVae):
    def training_step(self, module, batch, step):
        return super().training_step(module, batch, step)[0].expand(3)

    def validation_step(self, module, batch, step):
        return super().training_step(module, batch, step)[0]


class NamelessTerms(PlainVae):
    def training_step(self, module, batch, step):
        loss, terms = super().training_step(module, batch, step)
        return loss, terms["kl"]


class TermOfEach(PlainVae):
    def training_step(self, module, batch, step):
        loss, terms = super().training_step(module, batch, step)
        return loss, terms | {"each": batch.features.sum((1, 2, 3))}


class LossAlone(PlainVae):
    def training_step(self, module, batch, step):
        return super().training_step(module, batch, step)[0]


class Detached(PlainVae):
    def training_step(self, module, batch, step):
        loss, terms = super().training_step(module, batch, step)
        return loss.detach(), terms


class NoParameters(PlainMethod):
    name = "empty"

    def build(self, config, spec, rng):
        return nn.Flatten()


class NoOptimisers(PlainVae):
    def optimisers(self, module, config):
        return []


class EmptyOptimiser(PlainVae):
    def optimisers(self, module, config):
        return [torch.optim.Adam([])]


class NoModule(PlainVae):
    def build(self, config, spec, rng):
        return None


class OtherTerms(PlainVae):
    def validation_step(self, module, batch, step):
        return self.training_step(module, batch, step)[0], {}


class OwnSchedule(PlainVae):
    def scheduler(self, optimisers, config):
        return torch.optim.lr_scheduler.StepLR(optimisers[0], 1)


class NoNoise(MethodDefaults):
    """Neither plain nor a whole batched method."""

    name, version = "no_noise", 1

    def build(self, config, spec, rng):
        return nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("method", "changes", "says"),
    [
        (
            NoNoise(),
            {},
            "NoNoise is no batched method: it has no noise_spec, eval.*loss",
        ),
        (NoScalar(), {}, r"no_scalar|plain_vae: a step returned \[3\] for its loss"),
        (NoScalarAlone(), {}, r"a step returned \[3\] for its loss"),
        (NamelessTerms(), {}, "a step returned Tensor for its terms"),
        (TermOfEach(), {}, r"a step returned \[64\] for each, which is no scalar"),
        (Detached(), {}, "depends on no parameter"),
        (NoParameters(), {}, "Flatten has no parameters to train"),
        (NoOptimisers(), {}, "plain_vae: its optimisers hold no parameter"),
        (EmptyOptimiser(), {}, "plain_vae: its optimisers hold no parameter"),
        (NoModule(), {}, "build returned NoneType, which is no module"),
        (OtherTerms(), {}, "steps have the terms reconstruction, kl, the first one had none"),
        (OwnSchedule(), {"warmup_steps": 2}, "has a schedule of its own"),
        (PlainVae(), {"monitor": "validation_loss"}, "training.monitor is validation_loss"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, PlainMethod) else None,
)
def test_what_cannot_be_trained_is_said_in_one_line(data, method, changes, says):
    with pytest.raises(UserError, match=says) as error:
        advance(opened(data, method, **changes), 1)
    assert "\n" not in str(error.value)


def test_a_loss_without_terms_trains(data):
    group = advance(opened(data, LossAlone()), 3)
    assert group.terms == ("total",)
    assert torch.equal(group.module.moments.weight, advance(opened(data), 3).module.moments.weight)


def test_own_schedules_are_stepped_and_resumed(data):
    group = advance(opened(data, OwnSchedule()), 6)
    assert group.epoch_steps == 5
    assert group._optimisers[0].param_groups[0]["lr"] == pytest.approx(3e-4)
    again = open_group(group.method, group.trials, data, CPU, state=copied(group.gathered()))
    advance(again, 4)
    advance(group, 4)
    assert equal_states(group.gathered(), again.gathered()) == []


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_configured_optimiser(name):
    module = nn.Linear(2, 1)
    made = configured_optimiser(module, plain_config(optimiser=name, weight_decay=0.1).training)
    assert type(made).__name__.lower() == name
    assert made.defaults["weight_decay"] == 0.1


def test_deterministic_algorithms_are_asked_for_while_training_and_no_longer(
    tmp_path, folder, data
):
    seen = []

    class Looks(PlainVae):
        def training_step(self, module, batch, step):
            seen.append(torch.are_deterministic_algorithms_enabled())
            return super().training_step(module, batch, step)

    method = Looks()
    for deterministic in (True, False):
        seen.clear()
        compute = INLINE.model_copy(update={"deterministic": deterministic, "cohort": 1})
        store = TrialStore(tmp_path / str(deterministic))
        train_trials(method, [plain_trial(data, method, epochs=1)], folder, store, compute)
        assert set(seen) == {deterministic}
        assert not torch.are_deterministic_algorithms_enabled()
