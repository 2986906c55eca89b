"""What Gaussian posteriors q(z|x) say of x, and how near their samples are to N(0, I)."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ACTIVE_VARIANCE = 0.01
"""Burda et al. 2016: a unit is active when Var_x[E[z_j|x]] exceeds this."""
INFORMATION_EXAMPLES = 2000
"""Examples that the aggregate posterior is the mean of, at most."""


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(q(z|x) || N(0, I)) of each example, nats, summed over dimensions: [examples]."""
    return -0.5 * _gaussian_terms(mean, log_variance).sum(dim=1)


def unit_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(q(z_j|x) || N(0, 1)) of each dimension, nats, averaged over examples: [latent]."""
    return -0.5 * _gaussian_terms(mean, log_variance).mean(dim=0)


def unit_information(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return what each dimension says of x, nats, [latent]: log(1 + Var_x[mean] / E_x[var]) / 2.

    The capacity of a Gaussian channel (Shannon 1948): I(x; z_j) exactly where the mean is Gaussian
    over x and the variance constant. Unlike KL it is 0 where a posterior ignores x.
    """
    return 0.5 * torch.log1p(mean.var(dim=0) / log_variance.exp().mean(dim=0))


def _gaussian_terms(mean: Tensor, log_variance: Tensor) -> Tensor:
    return 1 + log_variance - mean.square() - log_variance.exp()


def active_units(mean: Tensor) -> float:
    """Return the number of dimensions whose posterior mean [examples, latent] varies with x."""
    return float((mean.var(dim=0) > ACTIVE_VARIANCE).sum())


def graded_active_units(variance: Tensor) -> float:
    """Return the active units among variances of posterior means [latent], each counted by degree.

    v / (v + .01): half a unit at the threshold of Burda et al. 2016, and nearly none or a whole one
    away from it. So the count has no ties, and a t test of it is defined.
    """
    return float((variance / (variance + ACTIVE_VARIANCE)).sum())


def mutual_information(mean: Tensor, log_variance: Tensor, z: Tensor) -> float:
    """Return I_q(x; z) = E[log q(z|x) - log q(z)] with q(z) the mean posterior of these examples.

    Hoffman & Johnson 2016, "ELBO surgery". Uses the first 2,000 examples; in nats.
    """
    mean, log_variance, z = (t[:INFORMATION_EXAMPLES].double() for t in (mean, log_variance, z))
    n = len(z)
    precision = (-log_variance).exp()
    # log N(z_i; mean_j, variance_j) for all pairs without a tensor [n, n, latent].
    quadratic = (
        z.square() @ precision.T - 2 * z @ (mean * precision).T + (mean.square() * precision).sum(1)
    )
    density = -0.5 * (quadratic + log_variance.sum(1) + mean.shape[1] * math.log(2 * math.pi))
    return float((density.diagonal() - torch.logsumexp(density, dim=1) + math.log(n)).mean())


def class_separation_ratio(z: Tensor, labels: Tensor, classes: int) -> float:
    """Return between-class over within-class scatter of z [n, latent], as traces over n."""
    members = torch.nn.functional.one_hot(labels, classes).to(z.dtype)
    counts = members.sum(0)
    centres = (members.T @ z) / counts.clamp(min=1)[:, None]
    between = (counts[:, None] * (centres - z.mean(0)).square()).sum() / len(z)
    within = (z - centres[labels]).square().sum() / len(z)
    return float(between / (within + 1e-8))


def kolmogorov_smirnov(
    samples: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two-sided KS distance from N(0, 1) and its exact p, by column of [n, columns]."""
    from scipy import stats

    n = len(samples)
    cdf = stats.norm.cdf(np.sort(samples, axis=0))
    i = np.arange(1, n + 1)[:, None]
    distances = np.maximum(i / n - cdf, cdf - (i - 1) / n).max(axis=0)
    return distances, stats.kstwo.sf(distances, n)
