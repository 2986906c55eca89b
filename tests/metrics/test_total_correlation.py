"""Total correlation: against closed forms, direct densities and the paper's own weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from latentlab.metrics.latent import mutual_information
from latentlab.metrics.total_correlation import gaussian_total_correlation, total_correlation


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_gaussians_equals_its_closed_form(rng: torch.Generator) -> None:
    codes = torch.randn(500, 4, generator=rng).double() @ torch.randn(4, 4, generator=rng).double()
    covariance = np.cov(codes.numpy().T)
    entropies = 0.5 * np.log(covariance.diagonal()).sum()
    expected = entropies - 0.5 * np.linalg.slogdet(covariance)[1]
    assert gaussian_total_correlation(codes) == pytest.approx(expected)
    # A unit's scale and a unit that is off change nothing.
    scaled = torch.cat([codes * torch.tensor([1, 10, 0.1, 3]), torch.ones(500, 1)], 1)
    assert gaussian_total_correlation(scaled) == pytest.approx(expected)


def test_independent_units_have_none(rng: torch.Generator) -> None:
    grid = torch.cartesian_prod(*(torch.linspace(-1, 1, 5),) * 3)
    assert gaussian_total_correlation(grid) == pytest.approx(0, abs=1e-12)
    # The mean posterior of a grid is the product of its margins.
    log_variance = torch.zeros_like(grid)
    z = grid + torch.randn(grid.shape, generator=rng)
    assert float(total_correlation(grid, log_variance, z)) == pytest.approx(0, abs=1e-5)


def test_correlated_units_have_theirs(rng: torch.Generator) -> None:
    # Means N(0, C / 2) and posterior variances 1/2: q(z) is N(0, (C + I) / 2).
    mean = torch.randn(2000, 1, generator=rng) * math.sqrt(0.5)
    mean = mean.expand(-1, 2)
    log_variance = torch.full_like(mean, math.log(0.5))
    z = mean + math.sqrt(0.5) * torch.randn(mean.shape, generator=rng)
    expected = -0.5 * math.log(1 - 0.5**2)
    assert float(total_correlation(mean, log_variance, z)) == pytest.approx(expected, abs=0.03)
    assert gaussian_total_correlation(z) == pytest.approx(expected, abs=0.03)


def test_it_equals_direct_densities_and_the_weights_of_a_minibatch(rng: torch.Generator) -> None:
    mean, log_variance, z = (torch.randn(12, 3, generator=rng).double() for _ in range(3))
    density = Normal(mean, (0.5 * log_variance).exp()).log_prob(z[:, None]).exp()
    direct = density.prod(2).mean(1).log() - density.mean(1).log().sum(1)
    found = total_correlation(mean, log_variance, z)
    assert float(found) == pytest.approx(float(direct.mean()))
    # Chen et al. 2018, equation S7, with 12 of 300 examples.
    joint, margins = density.prod(2).sum(1) / (12 * 300), density.sum(1) / (12 * 300)
    weighted = (joint.log() - margins.log().sum(1)).mean()
    assert float(found + 2 * math.log(300)) == pytest.approx(float(weighted))


def test_with_each_units_information_it_makes_up_the_whole(rng: torch.Generator) -> None:
    # I(x; z) + TC = sum_j I(x; z_j), for one set of samples exactly.
    mean, log_variance, z = (torch.randn(50, 3, generator=rng).double() for _ in range(3))
    units = sum(mutual_information(*(t[:, [j]] for t in (mean, log_variance, z))) for j in range(3))
    whole = mutual_information(mean, log_variance, z)
    assert float(total_correlation(mean, log_variance, z)) == pytest.approx(units - whole)


def test_training_may_lower_it(rng: torch.Generator) -> None:
    mean, log_variance, z = (
        torch.randn(8, 3, generator=rng).double().requires_grad_() for _ in range(3)
    )
    assert torch.autograd.gradcheck(total_correlation, (mean, log_variance, z))
