"""Every formula of the DERP-VAE against an identity, a direct loop, or an independent library."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.nn import functional

from labs.example_means import assert_means_know_their_values
from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.projections import derp_noise_floor, derp_term, normal_cdf, unit_rows
from latentlab.nn.layers import dropout
from latentlab.studies.derp_vae.config import DerpVaeConfig
from latentlab.studies.derp_vae.evaluation import (
    evaluate,
    one_sided_grid_ks,
)
from latentlab.studies.derp_vae.method import METHOD
from latentlab.studies.derp_vae.metrics import METRICS
from latentlab.studies.derp_vae.model import convolution_plan
from latentlab.studies.derp_vae.objective import reconstruction_loss
from latentlab.training.contract import Batch, Clock, DataSpec
from latentlab.training.per_trial import per_trial_values

DIGITS = DataSpec((1, 8, 8), 10)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_reconstruction_equals_torchs_cross_entropy(rng: torch.Generator) -> None:
    logits = 5 * torch.randn(6, 1, 8, 8, generator=rng)
    x = torch.rand(6, 1, 8, 8, generator=rng)
    expected = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 6
    torch.testing.assert_close(reconstruction_loss(logits, x), expected)


def test_normal_cdf_equals_scipys() -> None:
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    np.testing.assert_allclose(normal_cdf(x).numpy(), stats.norm.cdf(x.numpy()), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 1000))
def test_derp_term_equals_a_direct_loop(n: int, probes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, v = rng.normal(size=(n, 3)), rng.normal(size=(probes, 3))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    total = 0.0
    for direction in v:
        ordered = sorted(float(direction @ row) for row in z)
        total += sum(abs((i + 1) / n - stats.norm.cdf(p)) for i, p in enumerate(ordered)) / n
    expected = math.sqrt(n) * total / probes
    assert float(derp_term(torch.tensor(z), torch.tensor(v))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("n", "floor"), [(32, 0.3203), (128, 0.3151)])
def test_the_noise_floor_is_as_published_and_as_simulated(n: int, floor: float) -> None:
    assert derp_noise_floor(n) == pytest.approx(floor, abs=5e-5)
    rng = torch.Generator().manual_seed(1)
    probe = unit_rows(torch.randn(1, 2, generator=rng))
    terms = torch.tensor(
        [float(derp_term(torch.randn(n, 2, generator=rng), probe)) for _ in range(4000)]
    )
    standard_error = float(terms.std()) / math.sqrt(len(terms))
    assert abs(float(terms.mean()) - derp_noise_floor(n)) < 4 * standard_error


def test_the_noise_floor_falls_to_its_limit() -> None:
    floors = [derp_noise_floor(n) for n in (8, 32, 128, 1024, 8192)]
    assert floors == sorted(floors, reverse=True)
    assert floors[-1] == pytest.approx(math.sqrt(math.pi / 32), abs=2e-4)


def test_the_term_exceeds_its_floor_where_the_sample_is_not_normal(rng: torch.Generator) -> None:
    probe = torch.tensor([[1.0, 0.0]])
    far = derp_term(torch.randn(128, 2, generator=rng) + 3, probe)
    assert far > 10 * derp_noise_floor(128)


def test_the_reports_ks_is_scipys_within_one_over_n() -> None:
    samples = np.random.default_rng(0).normal(size=(300, 1))
    reported = one_sided_grid_ks(torch.tensor(samples))
    exact = stats.kstest(samples[:, 0], "norm").statistic
    assert exact - 1 / 300 <= reported + 1e-9
    assert reported <= exact + 1e-9
    ordered = np.sort(samples[:, 0])
    loop = max(abs((i + 1) / 300 - stats.norm.cdf(p)) for i, p in enumerate(ordered))
    assert reported == pytest.approx(loop, abs=1e-6)


def test_dropout_keeps_the_mean_and_the_share(rng: torch.Generator) -> None:
    x, uniforms = torch.ones(200, 200), torch.rand(200, 200, generator=rng)
    dropped = dropout(x, uniforms, torch.tensor(0.3))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    torch.testing.assert_close(dropped[dropped > 0].unique(), torch.tensor([1 / 0.7]))
    # Exactly the uniforms at or above the rate are kept.
    assert torch.equal(dropped > 0, uniforms >= 0.3)
    assert dropout(x, None, torch.tensor(0.3)) is x


def config(**objective: float) -> DerpVaeConfig:
    return DerpVaeConfig.model_validate(
        {"model": {"hidden": 16, "latent_dim": 4}, "objective": objective}
    )


def loss_of(settings_: DerpVaeConfig, spec: DataSpec, step: float = 5.0) -> tuple:
    rng = np.random.default_rng(0)
    model = METHOD.build(settings_, spec, rng)
    generator = torch.Generator().manual_seed(0)
    batch = Batch(
        torch.rand(12, *spec.shape, generator=generator),
        torch.randint(0, spec.classes, (12,), generator=generator),
    )
    noise = {
        name: torch.rand(shape, generator=generator)
        if kind == "uniform"
        else torch.randn(shape, generator=generator)
        for name, (shape, kind) in METHOD.noise_spec(settings_, spec, 12).items()
    }
    hyper = {n: torch.tensor(v) for n, v in per_trial_values(settings_).items()}
    clock = Clock(torch.tensor(step), torch.tensor(0.0), torch.tensor(30.0))
    state = METHOD.init_state(settings_, spec, rng)
    return METHOD.loss(model, batch, hyper, noise, state, clock)


def test_the_total_is_the_weighted_sum_of_the_named_terms() -> None:
    weights = {
        "beta": 0.7,
        "classification_weight": 0.4,
        "perceptual_weight": 0.2,
        "distributional_weight": 1.3,
        "probes": 3,
    }
    total, terms, _ = loss_of(config(**weights), DIGITS)
    expected = (
        terms["reconstruction"]
        + 0.7 * terms["kl"]
        + 0.4 * terms["classification"]
        + 0.2 * terms["perceptual"]
        + 1.3 * terms["distributional"]
    )
    torch.testing.assert_close(total, expected)


def test_a_weight_of_zero_leaves_its_term_out() -> None:
    _, terms, state = loss_of(config(classification_weight=0, perceptual_weight=0), DIGITS)
    assert set(terms) == {"reconstruction", "kl"}
    assert state == {}


def test_beta_rises_over_its_warm_up() -> None:
    def effective(step: float) -> float:
        settings_ = config(
            beta=2.0, beta_warmup_epochs=15, classification_weight=0, perceptual_weight=0
        )
        total, terms, _ = loss_of(settings_, DIGITS, step)
        return float((total - terms["reconstruction"]) / terms["kl"])

    # Thirty steps stand for the thirty epochs of the default training.
    assert effective(0) == pytest.approx(0, abs=1e-4)
    assert effective(7.5) == pytest.approx(1, rel=1e-3)
    assert effective(15) == pytest.approx(2, rel=1e-3)
    assert effective(29) == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_reconstructions_have_the_shape_of_the_images(
    shape: tuple[int, int, int], architecture: str
) -> None:
    settings_ = DerpVaeConfig.model_validate(
        {"model": {"architecture": architecture, "hidden": 16, "channels": 4, "latent_dim": 5}}
    )
    spec = DataSpec(shape, 10)
    total, _, _ = loss_of(settings_, spec)
    assert torch.isfinite(total)
    model = METHOD.build(settings_, spec, np.random.default_rng(0))
    zero = torch.zeros(())
    mean, log_variance = model.encode(torch.rand(3, *shape), {}, zero)
    assert mean.shape == log_variance.shape == (3, 5)
    assert model.decoder(mean, {}, zero).shape == (3, *shape)


@pytest.mark.parametrize(
    ("shape", "side"), [((1, 8, 8), 4), ((1, 28, 28), 7), ((3, 32, 32), 4), ((3, 64, 64), 4)]
)
def test_convolutions_halve_as_long_as_the_sides_are_even(
    shape: tuple[int, int, int], side: int
) -> None:
    widths, smallest = convolution_plan(shape, 8)
    assert smallest == (side, side)
    assert side * 2 ** (len(widths) - 1) == shape[1]


def scores_of(weights_of: DerpVaeConfig, spoil=None) -> dict[str, float]:
    model = METHOD.build(weights_of, DIGITS, np.random.default_rng(0))
    tensors = {n: p.detach().clone() for n, p in model.named_parameters()}
    if spoil:
        spoil(tensors)
    generator = torch.Generator().manual_seed(3)
    features = torch.rand(300, 1, 8, 8, generator=generator)
    labels = torch.arange(300) % 10
    return evaluate(TrainedModel.of(METHOD, weights_of, DIGITS, tensors, 11), features, labels)


def test_a_collapsed_posterior_is_told_apart_by_the_right_metrics() -> None:
    def collapse(tensors: dict[str, torch.Tensor]) -> None:
        for name in ("mean.weight", "mean.bias", "log_variance.weight", "log_variance.bias"):
            tensors[name].zero_()

    scores = scores_of(config(), collapse)
    assert scores["kl_divergence"] == 0
    assert scores["active_units"] == 0
    assert scores["mutual_information"] == pytest.approx(0, abs=1e-9)
    assert scores["mean_posterior_variance"] == 1
    # The report's activation rate calls a collapsed posterior fully active.
    assert scores["posterior_variance_share"] == 1
    assert scores["derp_over_floor"] == pytest.approx(1, abs=0.25)
    assert scores["negative_elbo"] == pytest.approx(scores["reconstruction_loss"])
    assert_means_know_their_values(scores, METRICS)


def test_a_sharp_posterior_is_inactive_to_the_report_and_active_to_burda() -> None:
    def sharpen(tensors: dict[str, torch.Tensor]) -> None:
        tensors["mean.weight"].mul_(100)
        tensors["log_variance.weight"].zero_()
        tensors["log_variance.bias"].fill_(-8.0)

    scores = scores_of(config(), sharpen)
    assert scores["posterior_variance_share"] == 0
    assert scores["active_units"] == 4
    assert scores["mutual_information"] > 3


def test_every_declared_metric_is_measured() -> None:
    from latentlab.studies.derp_vae.metrics import METRICS

    measured = set(scores_of(config()))
    assert measured | {"derp_term_own_probes"} == {m.name for m in METRICS}
    for metric in METRICS:
        if metric.name in measured:
            assert metric.low <= scores_of(config())[metric.name] <= metric.high


def test_arms_of_a_seed_are_measured_on_the_same_noise() -> None:
    assert scores_of(config(beta=1.0)) == scores_of(config(beta=2.0))
