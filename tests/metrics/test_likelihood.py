"""Bounds and estimates of log p(x): against linear Gaussian models, where it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from latentlab.metrics.likelihood import (
    PAIRS,
    bound_error,
    elbo_parts,
    importance_bound,
    log_weights,
)

LATENT, SEEN, NOISE = 3, 6, 0.7


@dataclass
class PrincipalComponents:
    """x = W z + noise (Tipping & Bishop 1999), with a q(z|x) that may be too wide or too narrow."""

    weight: Tensor
    widening: float = 1

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        precision = torch.eye(LATENT) + self.weight.T @ self.weight / NOISE**2
        covariance = torch.linalg.inv(precision)
        mean = x @ self.weight @ covariance / NOISE**2
        return mean, (covariance.diagonal() * self.widening**2).log().expand_as(mean)

    def decode(self, z: Tensor) -> Tensor:
        return z @ self.weight.T

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return Normal(self.decode(z), NOISE).log_prob(x).sum(1)

    def log_prior(self, z: Tensor) -> Tensor:
        return Normal(0.0, 1.0).log_prob(z).sum(1)

    def log_evidence(self, x: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + NOISE**2 * torch.eye(SEEN)
        return MultivariateNormal(torch.zeros(SEEN), covariance).log_prob(x)


def model(*, orthogonal: bool, widening: float = 1) -> PrincipalComponents:
    weight = torch.randn(SEEN, LATENT, generator=torch.Generator().manual_seed(0))
    if orthogonal:  # The posterior's units are then independent, as q(z|x) has them.
        weight = torch.linalg.qr(weight).Q * torch.tensor([1.0, 2.0, 0.5])
    return PrincipalComponents(weight, widening)


def examples(of: PrincipalComponents, n: int) -> Tensor:
    rng = torch.Generator().manual_seed(1)
    noise = NOISE * torch.randn(n, SEEN, generator=rng)
    return torch.randn(n, LATENT, generator=rng) @ of.weight.T + noise


def test_parts_of_the_elbo_have_their_means() -> None:
    linear = model(orthogonal=False)
    x = examples(linear, 2).repeat_interleave(20000, 0)
    parts = elbo_parts(linear, x, torch.randn(len(x), LATENT, generator=torch.Generator()))
    mean, log_variance = linear.encode(x[::20000])
    posterior = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(parts.divergence.reshape(2, -1).mean(1), expected, atol=0.05, rtol=0)
    # E|x - W z|^2 is that at the mean plus the posterior's variance through W.
    gap = (x[::20000] - linear.decode(mean)).square().sum(1)
    gap = gap + (log_variance.exp() @ linear.weight.square().T).sum(1)
    expected = 0.5 * gap / NOISE**2 + SEEN * math.log(NOISE * math.sqrt(2 * math.pi))
    found = parts.reconstruction.reshape(2, -1).mean(1)
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


def test_one_sample_of_weight_is_an_elbo() -> None:
    linear = model(orthogonal=False)
    x = examples(linear, 5)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((5, LATENT))).float()
    parts = elbo_parts(linear, x, noise)
    weights = log_weights(linear, x, 1, np.random.default_rng(0))
    torch.testing.assert_close(weights[:, 0], -(parts.reconstruction + parts.divergence))


@pytest.mark.parametrize("temperatures", [1, 4])
def test_every_weight_of_the_true_posterior_is_the_likelihood(temperatures: int) -> None:
    linear = model(orthogonal=True)
    x = examples(linear, 7)
    samples = PAIRS // 5  # Pieces end within examples.
    weights = log_weights(linear, x, samples, np.random.default_rng(0), temperatures)
    expected = linear.log_evidence(x)
    torch.testing.assert_close(weights, expected[:, None].expand(7, samples), atol=1e-4, rtol=0)
    torch.testing.assert_close(importance_bound(weights), expected, atol=1e-4, rtol=0)
    assert bound_error(weights).max() < 1e-4


def test_bounds_rise_to_the_likelihood() -> None:
    linear = model(orthogonal=False, widening=1.3)
    x = examples(linear, 40)
    weights = log_weights(linear, x, 4000, np.random.default_rng(0))
    bounds = [
        torch.stack([importance_bound(part) for part in weights.split(k, 1)]).mean(0)
        for k in (1, 4, 16, 64, 4000)
    ]
    for lower, higher in pairwise(bounds):
        assert (lower < higher + 0.01).all()
        assert lower.mean() < higher.mean()
    errors = (bounds[-1] - linear.log_evidence(x)) / bound_error(weights)
    assert errors.square().mean() < 2


@pytest.mark.parametrize("widening", [0.5, 2])
def test_annealing_finds_the_likelihood_where_the_posterior_is_wrong(widening: float) -> None:
    linear = model(orthogonal=False, widening=widening)
    x = examples(linear, 10)
    exact = linear.log_evidence(x)
    plain = log_weights(linear, x, 200, np.random.default_rng(0))
    annealed = log_weights(linear, x, 200, np.random.default_rng(0), temperatures=500)
    errors = (importance_bound(annealed) - exact) / bound_error(annealed)
    assert errors.square().mean() < 3
    assert bound_error(annealed).mean() < 0.05
    distances = [(importance_bound(each) - exact).abs().mean() for each in (annealed, plain)]
    assert distances[0] < 0.5 * distances[1]
