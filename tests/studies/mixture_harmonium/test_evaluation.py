"""What is measured, drawn and answered for trained weights."""

import math

import numpy as np
import pytest
import torch

from labs.example_means import assert_means_know_their_values
from labs.harmonium import (
    DIGITS,
    TINY,
    bayes,
    built,
    config,
    digits,
    enumerated,
    images,
    make_conjugate,
    tiny,
)
from latentlab.experiment.trained_model import TrainedModel
from latentlab.studies.mixture_harmonium import STUDY, evaluation
from latentlab.studies.mixture_harmonium.baselines import baselines, clustered
from latentlab.studies.mixture_harmonium.evaluation import evaluate, pictures, predict
from latentlab.studies.mixture_harmonium.method import METHOD
from latentlab.studies.mixture_harmonium.metrics import METRICS

STREAM = 123


def stored(model, **state):
    """A model's weights as a trial stores them."""
    tensors = {name: p.detach().clone().float() for name, p in model.named_parameters()}
    return tensors | {f"state.{name}": tensor for name, tensor in state.items()}


def data(count=300, seed=0):
    rng = torch.Generator().manual_seed(seed)
    features = torch.randint(0, 17, (count, 1, 8, 8), generator=rng).float() / 16
    return features, torch.arange(count) % 10


def scored(settings_, model=None, count=300, **state):
    model = model or built(settings_)
    trial = TrainedModel.of(METHOD, settings_, DIGITS, stored(model, **state), STREAM)
    return evaluate(trial, *data(count))


@pytest.mark.parametrize("interaction", ["full", "hierarchical"])
@pytest.mark.parametrize("clusters", [1, 4, 10, 40])
def test_every_metric_is_measured_and_in_its_range(clusters, interaction):
    settings_ = config(model={"latent_dim": 6, "clusters": clusters, "interaction": interaction})
    scores = scored(settings_)
    expected = {metric.name for metric in METRICS}
    if clusters != 10:
        expected.remove("hungarian_accuracy")
    assert set(scores) == expected
    assert_means_know_their_values(scores, METRICS)
    for metric in METRICS:
        if metric.name in scores:
            assert metric.low <= scores[metric.name] <= metric.high, metric.name


def test_chunks_change_nothing(monkeypatch):
    settings_ = config(model={"latent_dim": 6, "clusters": 4})
    whole = scored(settings_)
    monkeypatch.setattr(evaluation, "CHUNK", 7)
    parts = scored(settings_)
    # The uniforms of an image depend on the chunk it stands in; all else is the same.
    assert parts.pop("negative_elbo") == pytest.approx(whole.pop("negative_elbo"), rel=1e-3)
    assert parts == pytest.approx(whole, rel=1e-5)


def test_scores_are_the_same_again_and_for_arms_of_a_seed():
    one = config(model={"latent_dim": 6, "clusters": 4})
    other = config(model={"latent_dim": 6, "clusters": 4}, objective={"conjugation_weight": 0.0})
    assert scored(one) == scored(one) == scored(other)


def test_the_bound_equals_its_enumeration_within_its_sampling_error():
    model = tiny(2, scale=0.1)
    x = images(400, 2)
    features = (x / 16).float().view(-1, 1, 2, 2)
    labels = torch.arange(400) % 3
    scores = evaluate(
        TrainedModel.of(METHOD, model.config, TINY, stored(model), STREAM), features, labels
    )
    states = enumerated(model, x)
    q = states.posterior.exp()
    exact = (q @ states.psi) + (q * (states.posterior - states.prior)).sum(1)
    from latentlab.studies.mixture_harmonium.families import binomial_log_base_measure

    exact = exact - (q * (x @ states.logits.T)).sum(1) - binomial_log_base_measure(x)
    spread = (q @ states.psi.square() - (q @ states.psi).square()).mean().sqrt()
    error = float(spread.detach()) / math.sqrt(400 * evaluation.POSTERIOR_SAMPLES)
    assert abs(scores["negative_elbo"] - float(exact.mean().detach())) < 4 * error
    evidence, _ = bayes(model, x)
    assert -scores["negative_elbo"] < float(evidence.mean()) + 4 * error


def test_reconstructions_are_mean_field():
    model = tiny(3, scale=0.2)
    x = images(5, 3)
    features = (x / 16).float().view(-1, 1, 2, 2)
    drawn = pictures(TrainedModel.of(METHOD, model.config, TINY, stored(model), STREAM), features)
    states = enumerated(model, x)
    q = states.posterior.exp()
    # theta_X is linear in the statistics, so its mean is that of the states.
    expected = (q @ states.logits).sigmoid().detach()
    np.testing.assert_allclose(drawn["reconstruction"].reshape(5, 4), expected, atol=1e-5)
    np.testing.assert_allclose(drawn["latent"], (q @ states.y).detach(), atol=1e-5)
    of_k = q.view(5, 3, 8).sum(2)
    np.testing.assert_array_equal(drawn["cluster"], of_k.argmax(1))
    p = states.prior.exp().view(3, 8)
    means = (p[..., None] * states.logits.view(3, 8, 4)).sum(1) / p.sum(1, keepdim=True)
    expected = means.sigmoid().detach()
    np.testing.assert_allclose(drawn["cluster_means"].reshape(3, 4), expected, atol=1e-5)
    labels = torch.zeros(5, dtype=torch.long)
    scores = evaluate(
        TrainedModel.of(METHOD, model.config, TINY, stored(model), STREAM), features, labels
    )
    error = np.square(x.numpy() - 16 * drawn["reconstruction"].reshape(5, 4)).mean()
    assert scores["reconstruction_error"] == pytest.approx(error, rel=1e-5)


def test_predictions_are_components_and_their_probability():
    model = tiny(4)
    x = images(700, 4)
    answers = predict(
        TrainedModel.of(METHOD, model.config, TINY, stored(model)),
        (x / 16).float().view(-1, 1, 2, 2),
    )
    of_k = enumerated(model, x).posterior.exp().view(700, 3, 8).sum(2)
    np.testing.assert_array_equal(answers["cluster"], of_k.argmax(1))
    np.testing.assert_allclose(answers["probability"], of_k.max(1).values.detach(), atol=1e-4)


@pytest.mark.parametrize("interaction", ["full", "hierarchical"])
def test_a_conjugate_model_scores_one_and_an_idle_one_nothing(interaction):
    model = make_conjugate(tiny(interaction=interaction, scale=1.0))
    features, labels = (images(20) / 16).float().view(-1, 1, 2, 2), torch.arange(20) % 3
    scores = evaluate(
        TrainedModel.of(METHOD, model.config, TINY, stored(model), STREAM), features, labels
    )
    assert scores["r_squared"] == pytest.approx(1, abs=1e-6)
    assert scores["residual_variance"] < 1e-6 * scores["log_partition_variance"]
    assert scores["rho_norm"] == pytest.approx(float(model.rho.norm().detach()), rel=1e-6)
    for name in ("weight", "weight_offsets", "bias_offsets"):
        if name in dict(model.named_parameters()):
            getattr(model, name).data.zero_()
    idle = evaluate(
        TrainedModel.of(METHOD, model.config, TINY, stored(model), STREAM), features, labels
    )
    assert math.isnan(idle["r_squared"])
    assert idle["log_partition_variance"] == pytest.approx(0, abs=1e-6)
    assert all(math.isfinite(value) for name, value in idle.items() if name != "r_squared")


def test_analytical_trials_are_measured_with_the_slopes_of_their_last_step():
    settings_ = config(model={"latent_dim": 6, "clusters": 4, "mode": "analytical"})
    scores = scored(settings_, rho=torch.full((6,), 0.5))
    assert scores["rho_norm"] == pytest.approx(math.sqrt(6) / 2)


# Limits.


def test_one_cluster_agrees_with_nothing_by_definition():
    scores = scored(config(model={"latent_dim": 6, "clusters": 1}))
    assert scores["nmi"] == scores["ami"] == scores["ari"] == 0
    assert scores["active_clusters"] == scores["active_nonempty"] == 1
    assert scores["effective_clusters"] == pytest.approx(1)
    assert scores["purity"] == pytest.approx(0.1)


def test_more_clusters_than_examples():
    scores = scored(config(model={"latent_dim": 6, "clusters": 40}), count=12)
    assert scores["active_nonempty"] <= 12
    assert all(math.isfinite(value) for value in scores.values())


def test_a_mega_cluster_is_seen_by_every_definition():
    settings_ = config(model={"latent_dim": 6, "clusters": 10})
    model = built(settings_)
    with torch.no_grad():
        model.component.fill_(-1e4)
    scores = scored(settings_, model)
    assert scores["active_clusters"] == scores["active_nonempty"] == 1
    assert scores["nmi"] == 0
    assert scores["hungarian_accuracy"] == pytest.approx(0.1)


def test_all_zero_images_are_evaluated():
    settings_ = config(model={"latent_dim": 6, "clusters": 4})
    labels = torch.zeros(20, dtype=torch.long)
    scores = evaluate(
        TrainedModel.of(METHOD, settings_, DIGITS, stored(built(settings_)), STREAM),
        torch.zeros(20, 1, 8, 8),
        labels,
    )
    assert all(math.isfinite(value) for value in scores.values())


def test_k_means_is_scored_on_the_same_split(tmp_path):
    prepared, _ = digits(tmp_path)
    train, test = prepared.splits["train"], prepared.splits["test"]
    splits = {"test": (test.features, test.labels)}
    scores = clustered(train.features, splits, 10, 0)["test"]
    assert set(scores) == {"nmi", "ami", "ari"}
    assert 0.65 < scores["ami"] < scores["nmi"] < 0.85
    assert scores == clustered(train.features, splits, 10, 0)["test"]


def test_more_clusters_than_examples_leave_a_baseline_out(tmp_path):
    prepared, data = digits(tmp_path)
    test = prepared.splits["test"]
    splits = {"test": (test.features, test.labels)}
    train = prepared.splits["train"]
    few = (train.features[:40], train.labels[:40])
    for clusters, arms in ((40, {"k_means_classes", "k_means_same"}), (41, {"k_means_classes"})):
        found = baselines(config(model={"clusters": clusters}), data.spec, few, splits, 3)
        assert found.keys() == arms


def test_the_study_names_metrics_that_exist():
    names = {metric.name for metric in METRICS}
    assert set(STUDY.strips) <= names
    assert set(STUDY.reported["mnist"]["run_37"]) <= names
    assert STUDY.evaluation.predict is predict
    assert STUDY.method.name == STUDY.name
