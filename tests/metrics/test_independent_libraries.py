"""Metrics of latent-variable models against libraries that have them, where these are installed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal

from latentlab.metrics.disentanglement import (
    dci,
    factor_vae_score,
    mutual_information_gap,
    separated_predictability,
)
from latentlab.metrics.likelihood import importance_bound, log_weights
from latentlab.metrics.sample_quality import frechet_distance, kernel_distance, precision_recall
from latentlab.metrics.total_correlation import gaussian_total_correlation

FACTORS = np.random.default_rng(0).integers(0, [3, 4, 6], (600, 3))
MIXTURE = np.array([[1.0, 0.2, 0, 0.3], [0, 0.7, 0.5, 0], [0.1, 0, 0.4, 0.2]])


def codes_of(factors: np.ndarray) -> np.ndarray:
    """Four units that mix three factors, with noise."""
    noise = np.random.default_rng(1).normal(size=(len(factors), 4))
    return factors @ MIXTURE + 0.3 * noise


def test_deterministic_scores_are_those_of_disent() -> None:
    pytest.importorskip("disent")
    from disent.metrics import _mig, _sap, _unsupervised

    codes = codes_of(FACTORS)
    found = _mig._compute_mig(codes.T, FACTORS.T)["mig.discrete_score"]
    assert mutual_information_gap(codes, FACTORS) == pytest.approx(found)
    found = _sap._compute_sap(codes.T, FACTORS.T, None, None, continuous_factors=True)["sap.score"]
    assert separated_predictability(codes, FACTORS) == pytest.approx(found)
    found = _unsupervised._gaussian_total_correlation(np.cov(codes.T))
    assert gaussian_total_correlation(torch.from_numpy(codes)) == pytest.approx(found)


def test_scores_that_draw_are_near_those_of_disent() -> None:
    pytest.importorskip("disent")
    from disent.metrics import _dci, metric_factor_vae

    rng = np.random.default_rng(0)
    codes = codes_of(FACTORS)
    half = codes.T[:, :300], FACTORS.T[:, :300], codes.T[:, 300:], FACTORS.T[:, 300:]
    boosted = _dci._compute_dci(*half)
    found = dci(codes, FACTORS, rng)
    assert found.disentanglement == pytest.approx(boosted["dci.disentanglement"], abs=0.1)
    assert found.completeness == pytest.approx(boosted["dci.completeness"], abs=0.1)
    assert found.informativeness == pytest.approx(boosted["dci.informativeness_test"], abs=0.05)

    def draw(size: int) -> np.ndarray:
        return rng.integers(0, [3, 4, 6], (size, 3))

    generated = SimpleNamespace(
        gt_data=SimpleNamespace(num_factors=3, sample_factors=draw),
        dataset_sample_batch=lambda size, mode: torch.from_numpy(draw(size)),
        dataset_batch_from_factors=lambda factors, mode: torch.from_numpy(factors),
    )
    score = metric_factor_vae(
        generated,
        lambda factors: torch.from_numpy(codes_of(factors.numpy())),
        num_train=1000,
        num_eval=1000,
    )["factor_vae.eval_accuracy"]
    assert factor_vae_score(codes, FACTORS, rng) == pytest.approx(score, abs=0.06)


def test_distances_of_samples_are_those_of_torch_fidelity() -> None:
    pytest.importorskip("torch_fidelity")
    from torch_fidelity import metric_fid, metric_kid, metric_prc

    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(2, 200, 5)) * [[[1.0]], [[1.2]]] + [[[0.0]], [[0.5]]]
    tensors = torch.from_numpy(generated), torch.from_numpy(real)
    statistics = [metric_fid.fid_features_to_statistics(each) for each in tensors]
    found = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    assert frechet_distance(real, generated) == pytest.approx(*found.values())
    found = metric_kid.kernel_mmd(
        generated,
        real,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
    )
    assert kernel_distance(real, generated) == pytest.approx(found)
    found = metric_prc.calculate_precision_recall_full(*tensors)
    assert precision_recall(real, generated) == pytest.approx(found)


def test_the_bound_is_that_of_pythae() -> None:
    pytest.importorskip("pythae")
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    torch.manual_seed(0)

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 4)

        def forward(self, x: Tensor) -> ModelOutput:
            mean, log_variance = self.layer(x.reshape(len(x), -1)).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 6)

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.layer(2 * z).sigmoid().reshape(-1, 1, 2, 3))

    config = VAEConfig(input_dim=(1, 2, 3), latent_dim=2, reconstruction_loss="bce")
    peer = VAE(config, Encoder(), Decoder())

    class Model:
        def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
            found = peer.encoder(x)
            return found.embedding, found.log_covariance

        def decode(self, z: Tensor) -> Tensor:
            return peer.decoder(z).reconstruction

        def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
            return Bernoulli(self.decode(z), validate_args=False).log_prob(x).sum((1, 2, 3))

        def log_prior(self, z: Tensor) -> Tensor:
            return Normal(0.0, 1.0).log_prob(z).sum(1)

    x = (torch.rand(10, 1, 2, 3) > 0.5).float()
    weights = log_weights(Model(), x, 3000, np.random.default_rng(0))
    with torch.no_grad():
        found = peer.get_nll(x, n_samples=3000, batch_size=1000)
    # Its `nll` is the log likelihood itself.
    assert float(importance_bound(weights).mean()) == pytest.approx(found, abs=0.02)
