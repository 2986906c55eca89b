"""The likelihood p(x | y, k) of a step, built once from the parameters and used by everything."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from latentlab.studies.mixture_harmonium.families import (
    BernoulliMixture,
    Latent,
    binomial_log_partition,
)
from latentlab.studies.mixture_harmonium.grouped_linear import Form, grouped_linear


class Interaction(NamedTuple):
    """What images say about the latents: coefficients of y and k in x . (theta_X(y, k) - b).

    Attributes:
        latent: x W_k, [images, components or 1, latent].
        component: x . u_k, [images, components]; 0 for the first component.
    """

    latent: Tensor
    component: Tensor


class Likelihood(NamedTuple):
    """Pixels are Binomial(16) with logits theta_X(y, k) = b + y W_k + u_k.

    Attributes:
        weight: [components, latent, pixels], or [1, latent, pixels] where all components share it.
        bias: b + u_k, [components or 1, pixels].
        base: b, [pixels].
        component: u_k, [components, pixels]; its first row is 0. None where all rows are.
        form: how samples meet the weights of their component.
    """

    weight: Tensor
    bias: Tensor
    base: Tensor
    component: Tensor | None
    form: Form

    def interaction(self, x: Tensor, components: int) -> Interaction:
        """The coefficients of images [images, pixels]: one matrix product for all components."""
        latent = _product(x, self.weight.flatten(0, 1).mT).unflatten(-1, self.weight.shape[:2])
        if self.component is None:
            return Interaction(latent, x.new_zeros(len(x), components))
        return Interaction(latent, _product(x, self.component.mT))

    def logits(self, z: Latent) -> Tensor:
        """theta_X of samples y [rows, latent] and k [rows]: [rows, pixels]."""
        if len(self.weight) == 1:
            return _product(z.y, self.weight[0]) + self.bias[0]
        return grouped_linear(z.y, z.k, self.weight, self.bias, self.form)

    def log_partition(self, z: Latent) -> Tensor:
        """psi_X of samples, [rows]; sorted for the decoding, which then copies no pixels."""
        if len(self.weight) == 1:
            return binomial_log_partition(self.logits(z))
        order = torch.argsort(z.k, stable=True)
        by_component = Latent(z.y[order], z.k[order])
        return binomial_log_partition(self.logits(by_component))[torch.argsort(order)]

    def mean_field_logits(self, mixture: BernoulliMixture) -> Tensor:
        """theta_X at the mean of the latents' statistics, [..., pixels].

        The mean of (y, k) crossed is p(k) E[y | k], so each component's decoding is weighted.
        """
        if len(self.weight) == 1:
            return mixture.mean @ self.weight[0] + self.bias[0]
        weighted = mixture.probabilities[..., None] * mixture.means
        return weighted.flatten(-2) @ self.weight.flatten(0, 1) + mixture.probabilities @ self.bias


def _product(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product as a batch of one.

    It is then the same kernel that computes a cohort, to the last bit. Rounding matters here more
    than elsewhere: it can turn a sample, and with it the course of a training.
    """
    return torch.bmm(a[None], b[None])[0]
