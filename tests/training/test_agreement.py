"""A trial is the same trial alone, in a cohort, after a resume and after compaction."""

import math

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters
from torch.nn import functional

from labs.trainer import advance, cohort, equal_states, merged, trial, weights
from latentlab.compute.plan import ExecutionPlan
from latentlab.nn.layers import Dense
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from latentlab.training.contract import Batch, Clock, MethodDefaults
from latentlab.training.per_trial import per_trial_values
from latentlab.training.streams import BLOCK_STEPS, generator, noise_block, permutation

TOLERANCE = 1e-5
STEPS = 40
DERP = {"objective": {"probes": 5, "distributional_weight": 1.0}}
CONVOLUTIONAL = {"model": {"architecture": "convolutional", "channels": 2}}
DECLARED = {
    "model": {"hidden": 128, "latent_dim": 8},
    "training": {"learning_rate": 3e-3, "weight_decay": 1e-5, "gradient_clip": 1.0},
}


def plain_loop(one, data, steps):
    """Training as a textbook has it: one model, torch.optim, no cohort, no vmap."""
    training = one.config.training
    model = METHOD.build(one.config, data.spec, generator(one.stream, "initialisation"))
    state = METHOD.init_state(one.config, data.spec, generator(one.stream, "state"))
    hyper = {name: torch.tensor(v) for name, v in per_trial_values(one.config).items()}
    optimiser = torch.optim.Adam(
        model.parameters(), training.learning_rate, weight_decay=training.weight_decay
    )
    index, _ = data.partition(one.stream, training.validation_fraction)
    spec = METHOD.noise_spec(one.config, data.spec, training.batch_size)
    per_epoch = len(index) // training.batch_size
    for step in range(steps):
        epoch, place = divmod(step, per_epoch)
        order = index[permutation(one.stream, epoch, len(index))]
        chosen = torch.from_numpy(order[place * training.batch_size :][: training.batch_size])
        block = noise_block(one.stream, spec, step // BLOCK_STEPS)
        noise = {name: torch.from_numpy(v[step % BLOCK_STEPS]) for name, v in block.items()}
        clock = Clock(
            torch.tensor(float(step)),
            torch.tensor(float(epoch)),
            torch.tensor(float(per_epoch * training.epochs)),
        )
        batch = Batch(*data.train.batch(chosen))
        total, _, state = METHOD.loss(model, batch, hyper, noise, state, clock)
        optimiser.zero_grad()
        total.backward()
        if training.gradient_clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), training.gradient_clip)
        optimiser.step()
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


@pytest.fixture(scope="module")
def sixty(digits):
    """60 trials that differ in seed, rate, beta and clipping, after 40 steps together."""
    trials = [
        trial(
            digits,
            seed,
            **DERP,
            training={"learning_rate": rate, "gradient_clip": clip},
        )
        for seed in range(20)
        for rate, clip in ((1e-3, 0.0), (3e-3, 1.0), (2e-3, 5.0))
    ]
    return trials, weights(advance(cohort(trials, digits), STEPS))


@pytest.mark.parametrize("place", [0, 31, 59])
def test_alone_and_in_a_cohort_of_sixty(digits, sixty, place):
    trials, together = sixty
    alone = advance(cohort([trials[place]], digits), STEPS)
    assert (weights(alone)[0] - together[place]).abs().max() < TOLERANCE


def test_place_and_company_change_no_bit(digits, sixty):
    trials, together = sixty
    chosen = [40, 3, 17]
    group = advance(cohort([trials[i] for i in chosen], digits), STEPS)
    assert torch.equal(weights(group), together[chosen])


@pytest.mark.parametrize("changes", [DECLARED, merged(DECLARED, DERP), CONVOLUTIONAL])
@pytest.mark.parametrize("size", [1, 3])
def test_equals_a_plain_loop_with_torch_optim(digits, changes, size):
    trials = [trial(digits, seed, **changes) for seed in range(size)]
    group = advance(cohort(trials, digits), STEPS)
    for one, row in zip(trials, weights(group), strict=True):
        assert (row - plain_loop(one, digits, STEPS)).abs().max() < TOLERANCE


def test_a_cohort_sees_what_each_trial_sees_alone(digits):
    trials = [trial(digits, seed, arm, **DERP) for seed in range(3) for arm in "ab"]
    group = cohort(trials, digits)
    solos = [cohort([one], digits) for one in trials]
    for step in range(2 * BLOCK_STEPS + 3):
        place = step % group.epoch_steps
        for each in (group, *solos):
            each.state.step = step
            if place == 0:
                each._begin_epoch()
        inputs = group._inputs(place).loss
        batch, noise, clock = inputs.batch, inputs.noise, inputs.clock
        assert clock.step == step
        for i, solo in enumerate(solos):
            own, own_noise = solo._inputs(place).loss.batch, solo._inputs(place).loss.noise
            assert torch.equal(own.features[0], batch.features[i])
            assert torch.equal(own.labels[0], batch.labels[i])
            assert own_noise.keys() == noise.keys()
            for name in noise:
                assert torch.equal(own_noise[name][0], noise[name][i])


def test_validation_does_not_depend_on_the_cohort(digits):
    changes = merged(DERP, {"training": {"batch_size": 32, "epochs": 1}})
    trials = [trial(digits, seed, **changes) for seed in range(12)]
    group, alone = cohort(trials, digits), cohort(trials[5:6], digits)
    for each in (group, alone):
        advance(each, each.epoch_steps)
    # 144 validation examples: four batches of 32 and a rest of 16.
    assert [n["latent"].shape[1] for n in alone._validation._noise] == [32] * 4 + [16]
    for ours, own in zip(group._validation._noise, alone._validation._noise, strict=True):
        assert torch.equal(ours["latent"][5], own["latent"][0])
    torch.testing.assert_close(group.state.history[5], alone.state.history[0], rtol=1e-4, atol=1e-4)


EVERYTHING = {
    "training": {
        "schedule": "plateau",
        "plateau_patience": 0,
        "monitor": "train_total",
        "keep": "best",
        "gradient_clip": 1.0,
        "warmup_steps": 7,
        "stop_patience": 50,
    }
}


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("size", [1, 4])
def test_a_resume_changes_no_bit(digits, tmp_path, optimiser, size):
    changes = merged(
        merged(EVERYTHING, DERP), {"training": {"optimiser": optimiser, "learning_rate": 1e-3}}
    )
    trials = [trial(digits, seed, **changes) for seed in range(size)]
    group = cohort(trials, digits)
    undisturbed = advance(cohort(trials, digits), 47)
    done = 0
    # At the start, within an epoch and a block, at an epoch's end (20 steps), and after it.
    for stop in (0, 5, 20, 21, 40, 47):
        advance(group, stop - done)
        done = stop
        path = tmp_path / "a.checkpoint"
        ids = tuple(one.id for one in trials)
        save_checkpoint(
            path, Checkpoint(ids, "now", ExecutionPlan(size), group.state, group.scores)
        )
        loaded = load_checkpoint(path, torch.device("cpu"))
        assert loaded.trial_ids == ids
        assert loaded.plan == ExecutionPlan(size)
        assert equal_states(loaded.state, group.state) == []
        group = cohort(trials, digits, state=loaded.state)
    assert equal_states(group.state, undisturbed.state) == []
    assert group.scores == undisturbed.scores


AWKWARD = {
    "model": {"hidden": 20, "latent_dim": 7},
    "training": {"batch_size": 37, "gradient_clip": 1.0},
}


@pytest.mark.parametrize("changes", [DERP, CONVOLUTIONAL, merged(DERP, AWKWARD)])
def test_compaction_changes_no_bit(digits, changes):
    changes = merged(changes, {"training": {"keep": "best"}})
    trials = [trial(digits, seed, **changes) for seed in range(6)]
    whole, part = cohort(trials, digits), cohort(trials, digits)
    advance(whole, 33)
    advance(part, 13).select([1, 2, 4, 5])
    advance(part, 12).select([0, 3])
    advance(part, 8)
    assert [one.seed for one in part.trials] == [1, 5]
    keep = torch.tensor([1, 5])
    assert equal_states(part.state, whole.state.map(lambda t: t.index_select(0, keep))) == []


def test_arms_of_a_seed_share_split_order_noise_and_weights(digits):
    pair = [
        trial(digits, 3, "standard"),
        trial(digits, 3, "beta", objective={"beta": 0.1}),
        trial(digits, 4, "standard"),
    ]
    group = cohort(pair, digits)
    group._begin_epoch()
    inputs = group._inputs(0).loss
    everything = {
        "split": torch.from_numpy(np.stack(group._train_index)),
        "validation": group._validation._index,
        "order": group._order,
        "batch": inputs.batch.features,
        "weights": group.state.weights,
        **inputs.noise,
        **group.state.method_state,
    }
    assert {"latent", "encoder_dropout", "classifier_dropout"} <= everything.keys()
    for name, tensor in everything.items():
        assert torch.equal(tensor[0], tensor[1]), name
        assert not torch.equal(tensor[0], tensor[2]), name


def test_arms_with_and_without_probes_share_what_has_one_shape(digits):
    plain, derp = cohort([trial(digits, 1)], digits), cohort([trial(digits, 1, **DERP)], digits)
    assert torch.equal(weights(plain), weights(derp))
    for name, tensor in plain.state.method_state.items():
        assert torch.equal(tensor, derp.state.method_state[name])
    ours, theirs = plain._noise.at(5), derp._noise.at(5)
    for name in ours:
        assert torch.equal(ours[name], theirs[name])


class LinearMethod(MethodDefaults):
    """Logistic regression: a step of few kernels, each of which takes a second to compile."""

    name, version = "linear", 1

    def build(self, config, spec, rng):
        return Dense(math.prod(spec.shape), spec.classes, rng)

    def noise_spec(self, config, spec, batch):
        return {}

    evaluation_noise_spec = noise_spec

    def loss(self, model, batch, hyper, noise, state, clock):
        entropy = functional.cross_entropy(model(batch.features.flatten(1)), batch.labels)
        return entropy, {"entropy": entropy}, state


LINEAR = LinearMethod()


@pytest.mark.slow
def test_compiled_cohorts_follow_the_plain_ones(digits):
    """Two of the same shapes: neither may run the other's graph; a resumed one is bit-equal."""
    rules = [{"training": {"optimiser": rule, "weight_decay": 0.05}} for rule in ("adam", "adamw")]
    groups = [[trial(digits, seed, **rule) for seed in range(2)] for rule in rules]
    alone = [trial(digits, 0, **DERP)]
    compiled = [cohort(trials, digits, LINEAR, compiled=True) for trials in groups]
    compiled.append(cohort(alone, digits, compiled=True))
    try:
        compiled[0].advance()
    except Exception as error:  # whatever a compiler that does not work raises
        pytest.skip(f"torch.compile does not work here: {str(error).splitlines()[0]}")
    counters.clear()
    # In turn, so that each has the chance to pick up another's graph; the later ones by several
    # steps in one call, which end at an epoch's and a noise block's end.
    for step in range(1, STEPS):
        if step == STEPS // 2:
            state = compiled[0].state.map(torch.clone)
            compiled.append(cohort(groups[0], digits, LINEAR, compiled=True, state=state))
        for most, group in zip((1, 1, 7, 9), compiled, strict=False):
            while group.state.step <= step:
                group.advance(min(most, STEPS - group.state.step))
    for group in compiled:
        plain = advance(cohort(group.trials, digits, group.method), STEPS)
        torch.testing.assert_close(weights(group), weights(plain), rtol=0, atol=TOLERANCE)
        assert torch.equal(group.state.steps, plain.state.steps)
        torch.testing.assert_close(group.state.history, plain.state.history, equal_nan=True)
    assert counters["stats"]["unique_graphs"] == 3, "a step is not one graph"
    assert not torch.equal(weights(compiled[0]), weights(compiled[1]))
    assert not equal_states(compiled[0].state, compiled[3].state)
