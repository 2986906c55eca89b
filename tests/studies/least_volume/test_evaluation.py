"""What is measured, drawn and answered for trained weights: against numpy and known answers."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from labs.example_means import assert_means_know_their_values
from latentlab.experiment.trained_model import TrainedModel
from latentlab.studies.least_volume import evaluation
from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.evaluation import evaluate, pictures, predict
from latentlab.studies.least_volume.method import METHOD
from latentlab.studies.least_volume.metrics import METRICS, SMALLEST_ERROR
from latentlab.training.contract import DataSpec

SPEC = DataSpec((1, 3, 4), 1)
STREAM = 5


def config(architecture="linear", latent=12, **model):
    model |= {"architecture": architecture, "latent_dim": latent, "hidden": 10}
    if architecture == "convolutional":
        model |= {"resolution": (16, 18), "width_multiplier": 1 / 16}
    objective = {"eta": 0.01, "pruning": {"start_epoch": 1}}
    return LeastVolumeConfig.model_validate({"model": model, "objective": objective})


def stored(settings, spec=SPEC, scale=1.0, **state):
    """Weights as a trial stores them, its decoder's scaled, with these entries of the state."""
    rng = np.random.default_rng(1)
    model = METHOD.build(settings, spec, rng)
    carried = METHOD.init_state(settings, spec, rng)
    assert set(state) <= set(carried)
    carried |= {name: torch.as_tensor(value, dtype=torch.float32) for name, value in state.items()}
    weights = {
        name: p.detach().clone() * (scale if name.startswith("decoder") else 1)
        for name, p in model.named_parameters()
    }
    return weights | {f"state.{name}": value for name, value in carried.items()}


def designs(count=40, shape=SPEC.shape, seed=0):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))


def scored(settings, weights, features=None, spec=SPEC):
    features = designs() if features is None else features
    labels = torch.zeros(len(features), dtype=torch.long)
    return evaluate(TrainedModel.of(METHOD, settings, spec, weights, STREAM), features, labels)


def identity(settings, **state):
    """A linear auto-encoder that encodes by an orthogonal matrix and decodes by its transpose."""
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))
    q = torch.from_numpy(q).float()
    weights = stored(settings, **state)
    zeros = torch.zeros(12)
    return weights | {
        "encoder.layers.0.weight": q,
        "decoder.layers.0.weight": q.T.contiguous(),
        "encoder.layers.0.bias": zeros,
        "decoder.layers.0.bias": zeros,
    }


def test_a_perfect_reconstruction():
    settings = config()
    weights = identity(settings)
    scores = scored(settings, weights)
    assert 0 <= scores["reconstruction_error"] < SMALLEST_ERROR
    assert_means_know_their_values(scores, METRICS)
    assert scores["log_reconstruction_error"] == pytest.approx(math.log(SMALLEST_ERROR))
    z = designs().flatten(1).numpy() @ weights["encoder.layers.0.weight"].numpy()
    volume = np.log(z.std(0, ddof=1) + 0.01).mean()
    assert scores["log_volume"] == pytest.approx(volume, abs=1e-5)
    # An orthogonal matrix stretches nothing.
    assert scores["lipschitz_estimate"] == pytest.approx(1, abs=1e-4)
    assert (scores["active_dimensions"], scores["active_share"]) == (12, 1)
    assert not {"lipschitz_bound_product", "first_prune_epoch"} & set(scores)


def test_pruned_dimensions_have_their_frozen_value_and_no_part_in_the_volume():
    settings = config(latent=5)
    active, frozen = np.array([1, 0, 1, 0, 0]), np.array([9, 0.3, 9, -0.2, 0.1])
    weights = stored(settings, active=active, frozen=frozen, first_prune=7.0, anchored=1.0)
    # Far from the origin of a space of its own, so that a mistaken mask shows.
    weights["encoder.layers.0.weight"] *= 3
    scores = scored(settings, weights)
    x = designs().flatten(1).double().numpy()
    w = {name: value.double().numpy() for name, value in weights.items()}
    z = x @ w["encoder.layers.0.weight"] + w["encoder.layers.0.bias"]
    masked = np.where(active, z, frozen)
    drawn = masked @ w["decoder.layers.0.weight"] + w["decoder.layers.0.bias"]
    error = ((drawn - x) ** 2).mean()
    assert scores["reconstruction_error"] == pytest.approx(error, rel=1e-5)
    assert scores["log_reconstruction_error"] == pytest.approx(math.log(error), abs=1e-5)
    volume = np.log(z[:, [0, 2]].std(0, ddof=1) + settings.objective.eta).mean()
    assert scores["log_volume"] == pytest.approx(volume, abs=1e-5)
    assert (scores["active_dimensions"], scores["active_share"]) == (2, pytest.approx(0.4))
    # Only the rows of the two active dimensions can stretch anything.
    rows = w["decoder.layers.0.weight"][[0, 2]]
    largest = np.linalg.svd(rows, compute_uv=False)[0]
    assert scores["lipschitz_estimate"] == pytest.approx(largest, rel=1e-3)
    assert scores["first_prune_epoch"] == 7
    assert scores["failed"] == 0


NOBODY = [0.0] * 12
FLAGS = [
    ({}, None),
    ({"anchored": 1.0}, "no_pruning"),
    ({"anchored": 1.0, "first_prune": 4.0}, None),
    ({"anchored": 1.0, "first_prune": 4.0, "active": NOBODY}, "complete_pruning"),
    ({"anchored": 1.0, "first_prune": 4.0, "unstable": 1.0}, "instability"),
    ({"anchored": 1.0, "unstable": 1.0}, "instability"),
]


@pytest.mark.parametrize(("state", "failure"), FLAGS)
def test_exactly_one_failure_is_flagged(state, failure):
    settings = config()
    scores = scored(settings, stored(settings, **state))
    flagged = {n for n in ("complete_pruning", "no_pruning", "instability") if scores[n] == 1}
    assert flagged == ({failure} if failure else set())
    assert scores["failed"] == float(failure is not None)
    assert all(math.isfinite(value) for value in scores.values())
    if failure == "complete_pruning":
        assert scores["lipschitz_estimate"] == 0
        assert "log_volume" not in scores


@pytest.mark.parametrize("architecture", ["convolutional", "dense", "linear"])
@pytest.mark.parametrize("norm", ["none", "operator", "kernel"])
def test_every_metric_is_measured_and_in_its_range(architecture, norm):
    settings = config(architecture, latent=6, spectral_norm=norm)
    scores = scored(settings, stored(settings, active=[1, 1, 0, 1, 1, 1], first_prune=3.0))
    expected = {metric.name for metric in METRICS}
    if norm != "operator":
        expected.remove("lipschitz_bound_product")
    assert set(scores) == expected
    for metric in METRICS:
        if metric.name in scores:
            assert metric.low <= scores[metric.name] <= metric.high, metric.name


@pytest.mark.parametrize("architecture", ["convolutional", "dense", "linear"])
@pytest.mark.parametrize("bound", [0.5, 1.0, 10.0])
def test_a_decoder_keeps_its_bound_however_large_its_weights(architecture, bound):
    settings = config(architecture, latent=6, spectral_norm="operator", lipschitz_bound=bound)
    scores = scored(settings, stored(settings, scale=40.0))
    product, estimate = scores["lipschitz_bound_product"], scores["lipschitz_estimate"]
    assert product == pytest.approx(bound, rel=1e-3)
    assert 0 < estimate <= 1.01 * bound
    if architecture == "linear":
        # One matrix and nothing after it: the bound is reached.
        assert estimate == pytest.approx(bound, rel=1e-2)


def test_a_bound_that_does_not_bind_leaves_the_norms_as_they_are():
    settings = config("dense", latent=6, spectral_norm="operator", lipschitz_bound=1e6)
    weights = stored(settings)
    norms = [
        np.linalg.svd(weights[f"decoder.layers.{place}.weight"], compute_uv=False)[0]
        for place in range(3)
    ]
    product = scored(settings, weights)["lipschitz_bound_product"]
    assert product == pytest.approx(np.prod(norms), rel=1e-4)


@pytest.mark.parametrize("norm", ["none", "operator"])
def test_chunks_change_nothing(norm, monkeypatch):
    settings = config("convolutional", latent=6, spectral_norm=norm)
    weights = stored(settings)
    whole, drawn = (
        scored(settings, weights),
        pictures(TrainedModel.of(METHOD, settings, SPEC, weights, STREAM), designs()),
    )
    monkeypatch.setattr(evaluation, "CHUNK", 7)
    assert scored(settings, weights) == pytest.approx(whole, rel=1e-4)
    parts = pictures(TrainedModel.of(METHOD, settings, SPEC, weights, STREAM), designs())
    for name, array in drawn.items():
        np.testing.assert_allclose(parts[name], array, atol=1e-5)


@pytest.mark.parametrize("kept", [[2, 4, 1], [3], []])
def test_pictures_are_sorted_and_show_two_latents_at_least(kept):
    settings = config(latent=5)
    active = np.isin(np.arange(5), kept)
    frozen = np.linspace(1, 2, 5)
    weights = stored(settings, active=active.astype(float), frozen=frozen)
    drawn = pictures(TrainedModel.of(METHOD, settings, SPEC, weights, STREAM), designs())
    w = {name: value.numpy() for name, value in weights.items()}
    z = designs().flatten(1).numpy() @ w["encoder.layers.0.weight"] + w["encoder.layers.0.bias"]
    sd = z.std(0, ddof=1)
    order = np.argsort(-sd)
    np.testing.assert_allclose(drawn["deviations"], sd[order], rtol=1e-4)
    np.testing.assert_array_equal(drawn["kept"], active[order])
    first = [j for j in order if active[j]]
    assert drawn["latent"].shape == (40, max(2, len(kept)))
    np.testing.assert_allclose(drawn["latent"][:, : len(kept)], z[:, first], atol=1e-5)
    # What is filled up with does not vary: it is pruned.
    assert (drawn["latent"][:, len(kept) :].std(0) == 0).all()
    answers = pd.DataFrame(predict(TrainedModel.of(METHOD, settings, SPEC, weights), designs()))
    names = [f"latent_{j}" for j in sorted(kept)] + [f"pixel_{place}" for place in range(12)]
    assert list(answers) == names
    pixels = answers.iloc[:, len(kept) :].to_numpy()
    np.testing.assert_allclose(pixels, drawn["reconstruction"].reshape(40, 12), atol=1e-6)
    for j in kept:
        np.testing.assert_allclose(answers[f"latent_{j}"], z[:, j], atol=1e-5)


def test_one_design_is_enough():
    settings = config("convolutional", latent=6)
    scores = scored(settings, stored(settings), designs(1))
    assert all(math.isfinite(value) for value in scores.values())
