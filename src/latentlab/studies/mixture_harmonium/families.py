"""The exponential families of the model, in natural parameters.

Pixels are Binomial(16) counts, latents a mixture of products of Bernoullis. Sums run over the last
axis, and leading axes are batches.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from latentlab.studies.mixture_harmonium.config import OBSERVABLE_TRIALS

SMALLEST_PROBABILITY = 1e-10
"""Entropies clip probabilities here, so that an empty component has a finite logarithm."""


class Latent(NamedTuple):
    """Samples of the latent variables.

    Attributes:
        y: binary latents as 0 and 1, [..., latent].
        k: components, int64 [...].
    """

    y: Tensor
    k: Tensor


class BernoulliMixture:
    """p(y, k) proportional to exp(y . latent_k + component_k), for y binary and k a component.

    Given k, the y are independent Bernoullis with natural parameters `latent_k`; summed over y,
    log p(k) is `component_k + sum_j softplus(latent_kj)` up to the log-partition function.

    Args:
        latent: natural parameters of y, [..., components, latent].
        component: natural parameters of k, [..., components]; a common shift changes nothing.

    Attributes:
        log_partition: [...].
        log_probabilities: log p(k), [..., components].
        probabilities: p(k), [..., components].
        means: E[y | k], [..., components, latent].
    """

    def __init__(self, latent: Tensor, component: Tensor) -> None:
        self.latent = latent
        self.component = component
        scores = component + softplus(latent).sum(-1)
        self.log_partition = torch.logsumexp(scores, -1)
        self.log_probabilities = scores - self.log_partition[..., None]
        self.probabilities = self.log_probabilities.exp()
        self.means = latent.sigmoid()

    @property
    def mean(self) -> Tensor:
        """E[y], [..., latent]."""
        return (self.probabilities[..., None, :] @ self.means).squeeze(-2)

    def expectation(self, latent: Tensor, component: Tensor) -> Tensor:
        """E[y . latent_k + component_k], [...]: the mean of a linear function of the statistics.

        Args:
            latent: coefficients of y, broadcastable to [..., components, latent].
            component: coefficients of k, broadcastable to [..., components].
        """
        given_k = (self.means * latent).sum(-1) + component
        return (self.probabilities * given_k).sum(-1)

    @torch.no_grad()
    def sample(self, component_uniforms: Tensor, latent_uniforms: Tensor) -> Latent:
        """Draws by the inverse distribution function; no gradient flows through them.

        Args:
            component_uniforms: U[0, 1), [..., samples].
            latent_uniforms: U[0, 1), [..., samples, latent].

        Returns:
            y [..., samples, latent] and k [..., samples].
        """
        cumulative = self.probabilities.cumsum(-1)
        # Times the last entry, which rounding leaves near 1; that entry is no boundary, so that
        # no uniform can lie beyond the last component.
        reached = component_uniforms * cumulative[..., -1:]
        k = (reached[..., None] >= cumulative[..., None, :-1]).sum(-1)
        means = _rows(self.means, k)
        return Latent((latent_uniforms < means).to(means.dtype), k)

    def log_density(self, z: Latent) -> Tensor:
        """The log of p(y, k) at samples, [..., samples]."""
        given_k = (z.y * _rows(self.latent, z.k)).sum(-1)
        return given_k + self.component.gather(-1, z.k) - self.log_partition[..., None]


def _rows(table: Tensor, k: Tensor) -> Tensor:
    """Rows k [..., samples] of a table [..., components, latent]: [..., samples, latent]."""
    return table.gather(-2, k[..., None].expand(*k.shape, table.shape[-1]))


def entropy(probabilities: Tensor) -> Tensor:
    """Entropy of a categorical distribution [..., components] in nats, [...]."""
    clipped = probabilities.clamp(min=SMALLEST_PROBABILITY)
    return -(clipped * clipped.log()).sum(-1)


def counts(features: Tensor) -> Tensor:
    """Pixels [..., channels, height, width] in [0, 1] as whole numbers in 0..16: [..., pixels]."""
    return torch.round(OBSERVABLE_TRIALS * features.flatten(-3))


def binomial_log_partition(logits: Tensor) -> Tensor:
    """Log-partition function of Binomial(16) pixels, summed: [...] from [..., pixels]."""
    return OBSERVABLE_TRIALS * softplus(logits).sum(-1)


def binomial_log_base_measure(x: Tensor) -> Tensor:
    """Log of the number of ways to a count, log C(16, x), summed over pixels: [...]."""
    n = OBSERVABLE_TRIALS
    possible = torch.arange(n + 1, device=x.device, dtype=x.dtype)
    ways = torch.lgamma(possible + 1) + torch.lgamma(n + 1 - possible)
    table = torch.lgamma(possible[-1] + 1) - ways
    return table[x.long()].sum(-1)
