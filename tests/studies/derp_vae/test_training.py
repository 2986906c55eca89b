"""The DERP-VAE in training: what its terms do to a trial, and each architecture in a cohort."""

import numpy as np
import pytest
import torch

from latentlab.data import Prepared, Schema, Split
from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.projections import derp_noise_floor
from latentlab.studies.derp_vae.config import DerpVaeConfig, ObjectiveConfig
from latentlab.studies.derp_vae.evaluation import evaluate
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training.cohort import Cohort
from latentlab.training.data import StudyData
from latentlab.training.trial import Trial

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def blobs(shape, examples=320):
    """Four classes of smooth random pictures."""
    rng = np.random.default_rng(0)
    labels = np.arange(examples) % 4
    centres = rng.uniform(40, 215, (4, *shape))
    noise = rng.normal(0, 20, (examples, *shape))
    features = np.clip(centres[labels] + noise, 0, 255).astype(np.uint8)
    schema = Schema(
        name="blobs", shape=shape, dtype="uint8", scale=255.0, classes=("a", "b", "c", "d")
    )
    split = Split(features, labels.astype(np.int64))
    return StudyData.of(Prepared(schema, {"train": split, "test": split}, "a test"), CPU)


@pytest.fixture(scope="module")
def small():
    return blobs((1, 8, 8))


def cohort(data, seeds=2, precision="float32", **changes):
    blocks = {
        "model": {"hidden": 16, "latent_dim": 3, "channels": 2},
        "training": {"epochs": 60, "batch_size": 32, "learning_rate": 3e-3},
    }
    for name, change in changes.items():
        blocks[name] = blocks.get(name, {}) | change
    config = DerpVaeConfig.model_validate(blocks)
    trials = [
        Trial("derp_vae", "a", seed, config, data.fingerprint, precision, METHOD.version)
        for seed in range(seeds)
    ]
    return Cohort(METHOD, trials, data, CPU, precision)


def trained(data, epochs, **kwargs):
    group = cohort(data, **kwargs)
    for _ in range(epochs * group.epoch_steps):
        group.advance()
    return group


def curve(group, name):
    """A score by epoch, [trials, epochs]."""
    return group.state.history[:, :, group.scores.index(name)]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_every_shape_trains_in_a_cohort(shape, architecture):
    data = blobs(shape, 72)
    group = trained(
        data, 3, model={"architecture": architecture}, training={"batch_size": 16, "epochs": 3}
    )
    falls = curve(group, "train_reconstruction")
    assert (falls[:, -1] < falls[:, 0]).all()
    assert group.state.alive.all()


def test_the_reports_trainable_feature_net_makes_its_term_vanish(small):
    """Its features collapse; those of a fixed net go on measuring a distance."""
    weight = {"perceptual_weight": 30.0}
    legacy = trained(small, 25, objective=weight | {"legacy": {"trainable_perceptual_net": True}})
    fixed = trained(small, 25, objective=weight)
    ours, theirs = (curve(group, "train_perceptual") for group in (fixed, legacy))
    assert (theirs[:, -1] < 0.02 * theirs[:, 0]).all()
    assert (theirs[:, -1] < 0.2 * ours[:, -1]).all()
    assert "feature_net.out.weight" in legacy.layout.names
    assert not legacy.state.method_state
    # The fixed net is no parameter, and does not change.
    assert not any("feature_net" in name for name in fixed.layout.names)
    start = cohort(small, objective=weight)
    for name, tensor in fixed.state.method_state.items():
        assert torch.equal(tensor, start.state.method_state[name])


def test_the_derp_term_pulls_projections_to_its_floor(small):
    weak = {"beta": 0.0, "probes": 3, "perceptual_weight": 0.0, "classification_weight": 0.0}
    pulled = trained(small, 25, objective=weak | {"distributional_weight": 30.0})
    left = trained(small, 25, objective=weak | {"distributional_weight": 1e-6})
    floor = derp_noise_floor(32)
    assert (curve(pulled, "train_distributional")[:, -1] < 1.5 * floor).all()
    assert (curve(left, "train_distributional")[:, -1] > 2 * floor).all()


def test_probes_are_kept_or_drawn_each_step(small):
    probes = {"probes": 3, "distributional_weight": 1.0}
    kept = cohort(small, objective=probes)
    drawn = cohort(small, objective=probes | {"resample_probes": "per_step"})
    assert kept.state.method_state["probes"].shape == (2, 3, 3)
    assert "probes" not in kept._noise.at(0)
    assert "probes" not in drawn.state.method_state
    first, second = (drawn._noise.at(step)["probes"] for step in (0, 1))
    assert first.shape == (2, 3, 3)
    assert not torch.equal(first, second)
    before = kept.state.method_state["probes"].clone()
    torch.testing.assert_close(before.norm(dim=2), torch.ones(2, 3))
    for group in (kept, drawn):
        for _ in range(group.epoch_steps):
            group.advance()
        assert torch.isfinite(curve(group, "validation_distributional")).all()
    assert torch.equal(kept.state.method_state["probes"], before)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_weight_of_zero_leaves_out_the_term_and_its_gradients(small, seeds):
    group = cohort(small, seeds, objective={"classification_weight": 0.0, "perceptual_weight": 0.0})
    assert group.terms == ("total", "reconstruction", "kl")
    start = group.state.weights.clone()
    for _ in range(3):
        group.advance()
    for name, (first, last) in zip(group.layout.names, group.layout.bounds, strict=True):
        moved = not torch.equal(group.state.weights[:, first:last], start[:, first:last])
        assert moved == (not name.startswith("classifier.")), name


def test_probes_and_their_weight_belong_together():
    for wrong in ({"probes": 3}, {"distributional_weight": 1.0}):
        with pytest.raises(ValueError, match="both"):
            ObjectiveConfig(**wrong)


@pytest.mark.parametrize("block", ["model", "objective", "training"])
def test_a_number_that_is_none_is_refused(block):
    name = {"model": "dropout", "objective": "beta", "training": "learning_rate"}[block]
    for value in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match=name):
            DerpVaeConfig.model_validate({block: {name: value}})


def test_beta_rises_within_epochs(small):
    """Two epochs of warm-up: after one, beta is a half; the total shows it."""
    objective = {
        "beta": 2.0,
        "beta_warmup_epochs": 2.0,
        "classification_weight": 0.0,
        "perceptual_weight": 0.0,
    }
    group, steps = cohort(small, objective=objective), []
    real = group._program.losses

    def noted(*args):
        total, terms, state = real(*args)
        if total.requires_grad:  # not in validation
            steps.append(((total - terms["reconstruction"]) / terms["kl"]).detach())
        return total, terms, state

    group._program.losses = noted
    epoch = group.epoch_steps
    for _ in range(3 * epoch):
        group.advance()
    expected = [2.0 * min(1.0, step / (2 * epoch)) for step in range(3 * epoch)]
    for found in torch.stack(steps, dim=1):
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-2)


def test_dropout_is_of_training_alone(small):
    assert {"encoder_dropout", "decoder_dropout", "classifier_dropout"} < cohort(small)._noise.at(
        0
    ).keys()
    config = cohort(small).config
    assert METHOD.evaluation_noise_spec(config, small.spec, 5).keys() == {"latent"}
    off = cohort(small, model={"dropout": 0.0, "classifier_dropout": 0.0})
    assert off._noise.at(0).keys() == {"latent"}


def test_what_is_measured_is_what_was_trained(small):
    """The evaluation's ELBO of stored weights falls as the training's does."""
    group = cohort(small, seeds=1)
    features, labels = small.train.batch(torch.arange(320))

    def elbo():
        weights = {n: t.clone() for n, t in group.layout.single(group.state.weights[0]).items()}
        return evaluate(
            TrainedModel.of(METHOD, group.config, small.spec, weights, 5), features, labels
        )

    before = elbo()
    for _ in range(30 * group.epoch_steps):
        group.advance()
    after = elbo()
    assert after["negative_elbo"] < before["negative_elbo"] - 2
    assert after["mutual_information"] <= np.log(320)
    validation = float(curve(group, "validation_reconstruction")[0, -1])
    assert after["reconstruction_loss"] == pytest.approx(validation, rel=0.02)


@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
@pytest.mark.parametrize("seeds", [1, 2])
def test_half_precision_follows_full_precision(small, architecture, seeds):
    changes = {
        "model": {"architecture": architecture},
        "objective": {"probes": 3, "distributional_weight": 1.0},
    }
    half = trained(small, 3, seeds=seeds, precision="bfloat16", **changes)
    full = trained(small, 3, seeds=seeds, **changes)
    assert half.state.weights.dtype == torch.float32
    for name in full.scores:
        torch.testing.assert_close(curve(half, name), curve(full, name), rtol=0.05, atol=0.02)
    assert not torch.equal(half.state.weights, full.state.weights)
