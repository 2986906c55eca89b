"""How much latent units say of each other: KL of their joint law from that of independent units."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gaussian_total_correlation(codes: Tensor) -> float:
    """Return the total correlation of a Gaussian with the covariance of these codes, nats.

    Args:
        codes: [examples, units], more examples than units.
    """
    correlation = torch.corrcoef(codes.double().T).nan_to_num().fill_diagonal_(1)
    return float(-0.5 * torch.linalg.slogdet(correlation).logabsdet)


def total_correlation(mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
    """Return the mean of log q(z) - sum_j log q(z_j), q the mean posterior of these examples; nats.

    The estimate of Chen et al. 2018 with weights of a minibatch is this plus the constant
    (latent - 1) log N, N the size of the data set: the gradients are the same.

    Args:
        mean: of the posteriors, [examples, latent].
        log_variance: of the posteriors, [examples, latent].
        z: a sample of each posterior, [examples, latent].

    Returns:
        Scalar, with gradients.
    """
    examples, latent = z.shape
    joint = torch.zeros(examples, examples, dtype=z.dtype, device=z.device)
    margins = torch.zeros(examples, dtype=z.dtype, device=z.device)
    for unit in range(latent):  # Never a tensor [examples, examples, latent].
        scaled = (z[:, None, unit] - mean[:, unit]).square() * (-log_variance[:, unit]).exp()
        density = -0.5 * (scaled + log_variance[:, unit])
        joint = joint + density
        margins = margins + torch.logsumexp(density, dim=1)
    # The constants of the densities cancel.
    return (torch.logsumexp(joint, dim=1) - margins).mean() + (latent - 1) * math.log(examples)
