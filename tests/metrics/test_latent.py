"""What is measured of latents: against torch, scipy, direct densities and loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Normal, kl_divergence

from latentlab.metrics.latent import (
    active_units,
    class_separation_ratio,
    graded_active_units,
    kl_to_standard_normal,
    kolmogorov_smirnov,
    mutual_information,
    unit_information,
    unit_kl,
)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_kl_equals_torchs(rng: torch.Generator) -> None:
    mean = torch.randn(7, 3, generator=rng)
    log_variance = torch.randn(7, 3, generator=rng)
    posterior = Normal(mean, torch.exp(0.5 * log_variance))
    expected = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_kl_vanishes_only_at_the_prior() -> None:
    zero = torch.zeros(2, 4)
    assert kl_to_standard_normal(zero, zero).abs().max() == 0
    assert kl_to_standard_normal(zero + 0.1, zero).min() > 0


def test_units_whose_mean_varies_are_active(rng: torch.Generator) -> None:
    deviations = torch.tensor([1.0, 0.2, 0.05, 0.0])
    assert active_units(torch.randn(2000, 4, generator=rng) * deviations) == 2


def test_two_sided_ks_equals_scipys() -> None:
    samples = np.random.default_rng(0).normal(0.1, 1.1, size=(200, 4))
    distances, p_values = kolmogorov_smirnov(samples)
    for j in range(4):
        expected = stats.kstest(samples[:, j], "norm", method="exact")
        assert distances[j] == pytest.approx(expected.statistic)
        assert p_values[j] == pytest.approx(expected.pvalue)


def test_separation_ratio_equals_a_direct_loop(rng: torch.Generator) -> None:
    z = torch.randn(50, 3, generator=rng)
    labels = torch.randint(0, 4, (50,), generator=rng)
    centre = z.mean(0)
    between = within = 0.0
    for k in range(4):
        own = z[labels == k]
        between += len(own) * float((own.mean(0) - centre).square().sum())
        within += float((own - own.mean(0)).square().sum())
    assert class_separation_ratio(z, labels, 4) == pytest.approx(between / within, rel=1e-4)


def test_separation_ratio_grows_without_bound_as_classes_part() -> None:
    labels = torch.arange(100) % 2
    noise = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    ratios = [
        class_separation_ratio(noise + gap * labels[:, None], labels, 2) for gap in (0, 1, 10)
    ]
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.1
    assert ratios[2] > 20


def test_an_absent_class_changes_nothing(rng: torch.Generator) -> None:
    z = torch.randn(20, 2, generator=rng)
    labels = torch.arange(20) % 2
    assert class_separation_ratio(z, labels, 2) == class_separation_ratio(z, labels, 10)


def test_mutual_information_equals_direct_densities(rng: torch.Generator) -> None:
    mean = torch.randn(30, 2, generator=rng).double()
    log_variance = torch.randn(30, 2, generator=rng).double() - 1
    z = mean + torch.exp(0.5 * log_variance) * torch.randn(30, 2, generator=rng).double()
    total = 0.0
    for i in range(30):
        densities = [
            math.exp(float(Normal(mean[j], (0.5 * log_variance[j]).exp()).log_prob(z[i]).sum()))
            for j in range(30)
        ]
        total += math.log(densities[i]) - math.log(sum(densities) / 30)
    assert mutual_information(mean, log_variance, z) == pytest.approx(total / 30, abs=1e-9)


def test_mutual_information_is_nothing_for_a_collapsed_posterior() -> None:
    zero = torch.zeros(100, 4)
    z = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    assert mutual_information(zero, zero, z) == pytest.approx(0, abs=1e-12)


def test_mutual_information_saturates_at_the_log_of_the_examples() -> None:
    mean = 100 * torch.arange(64.0)[:, None]
    assert mutual_information(mean, torch.zeros(64, 1), mean) == pytest.approx(math.log(64))


def test_kl_of_the_units_sums_to_that_of_all(rng: torch.Generator) -> None:
    mean = torch.randn(50, 3, generator=rng)
    log_variance = torch.randn(50, 3, generator=rng)
    torch.testing.assert_close(
        unit_kl(mean, log_variance).sum(), kl_to_standard_normal(mean, log_variance).mean()
    )


def test_information_of_a_unit_equals_that_of_two_normal_variables(rng: torch.Generator) -> None:
    mean = torch.randn(500, 2, generator=rng, dtype=torch.float64) * torch.tensor([2.0, 0.1])
    log_variance = torch.tensor([0.3, -1.0], dtype=torch.float64).expand(500, 2)
    for unit, found in enumerate(unit_information(mean, log_variance)):
        signal, noise = float(mean[:, unit].var()), float(log_variance[0, unit].exp())
        # x is the mean itself, z the mean and noise.
        joint = [[signal, signal], [signal, signal + noise]]
        entropies = [stats.norm(scale=math.sqrt(joint[i][i])).entropy() for i in (0, 1)]
        together = stats.multivariate_normal(cov=joint).entropy()
        assert float(found) == pytest.approx(sum(entropies) - together)


def test_a_unit_that_ignores_x_says_nothing_whatever_its_kl() -> None:
    mean = torch.full((10, 1), 7.0)
    assert float(unit_kl(mean, torch.zeros(10, 1))) == pytest.approx(24.5)
    assert float(unit_information(mean, torch.zeros(10, 1))) == 0


def test_units_count_by_degree_with_a_half_at_the_threshold() -> None:
    assert graded_active_units(torch.tensor([0.01])) == pytest.approx(0.5)
    assert graded_active_units(torch.tensor([0.0, 1e6])) == pytest.approx(1)


def test_mutual_information_of_a_gaussian_channel_is_its_capacity(rng: torch.Generator) -> None:
    # z = x + noise with twice the noise's variance in x: half the log of 1 + 2 a unit.
    mean = math.sqrt(2) * torch.randn(2000, 2, generator=rng)
    z = mean + torch.randn(2000, 2, generator=rng)
    found = mutual_information(mean, torch.zeros(2000, 2), z)
    assert found == pytest.approx(2 * 0.5 * math.log(1 + 2), abs=0.06)
