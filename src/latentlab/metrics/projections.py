"""How far random one-dimensional projections of a sample are from N(0, 1): the DERP term.

In the spirit of the random-projection tests of Cuesta-Albertos et al. 2007.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor


def normal_cdf(x: Tensor) -> Tensor:
    """The distribution function of N(0, 1)."""
    return 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))


def unit_rows(directions: Tensor) -> Tensor:
    """Rows scaled to length 1, [probes, latent]."""
    return directions / directions.norm(dim=1, keepdim=True)


def derp_term(z: Tensor, probes: Tensor) -> Tensor:
    """How far projections of a latent sample are from N(0, 1): sqrt(n) mean |i/n - Phi(p_(i))|.

    Args:
        z: [n, latent].
        probes: unit vectors, [probes, latent].

    Returns:
        Scalar, averaged over probes. It never vanishes: for exact normal samples its expectation
        is `derp_noise_floor(n)`.
    """
    n = len(z)
    ordered = torch.sort(probes @ z.T, dim=1).values
    grid = torch.arange(1, n + 1, device=z.device, dtype=z.dtype) / n
    return math.sqrt(n) * (grid - normal_cdf(ordered)).abs().mean()


@functools.cache
def derp_noise_floor(n: int) -> float:
    """Expectation of the DERP term for n exact draws from N(0, 1).

    Phi of the i-th smallest is U_(i) ~ Beta(i, n + 1 - i), so the expectation is
    sqrt(n) mean_i E|i/n - U_(i)|, where with a = i / (n + 1) = E U_(i) and c = i / n
    E|c - U| = c (2 F(c; i, n + 1 - i) - 1) - a (2 F(c; i + 1, n + 1 - i) - 1).
    It is .3203 at n = 32 and .3151 at n = 128, and falls to sqrt(pi / 32) = .3133.
    """
    import numpy as np
    from scipy.special import betainc

    i = np.arange(1, n + 1)
    c, a = i / n, i / (n + 1)
    deviation = c * (2 * betainc(i, n + 1 - i, c) - 1) - a * (2 * betainc(i + 1, n + 1 - i, c) - 1)
    return float(math.sqrt(n) * deviation.mean())
