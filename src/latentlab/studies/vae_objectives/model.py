"""Encoder and decoder of dense layers, and the parts that single objectives train with them.

Kingma & Welling 2014, "Auto-encoding variational Bayes".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.nn.layers import Dense, uniform
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig
from latentlab.training.contract import DataSpec

SLOPE = 0.2
"""Of the discriminator's leaky units below 0, as Kim & Mnih have it."""


class Posterior(NamedTuple):
    """q(z|x) of a batch and one sample of it, each [batch, latent]."""

    mean: Tensor
    log_variance: Tensor
    z: Tensor


class Vae(nn.Module):
    """Pixels -> hidden -> hidden / 2 -> mean and log variance; and back to logits of pixels."""

    def __init__(
        self, config: VaeObjectivesConfig, spec: DataSpec, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.config = config
        self.shape = spec.shape
        hidden, latent, pixels = config.model.hidden, config.model.latent_dim, _pixels(spec)
        self.encoder = nn.ModuleList([Dense(pixels, hidden, rng), Dense(hidden, hidden // 2, rng)])
        self.mean = Dense(hidden // 2, latent, rng)
        self.log_variance = Dense(hidden // 2, latent, rng)
        self.decoder = nn.ModuleList(
            [
                Dense(latent, hidden // 2, rng),
                Dense(hidden // 2, hidden, rng),
                Dense(hidden, pixels, rng),
            ]
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), each [batch, latent], of x [batch, ...]."""
        first, second = self.encoder
        h = second(first(x.flatten(1)).relu()).relu()
        # Only matrix products are computed in half precision.
        return self.mean(h).to(x.dtype), self.log_variance(h).to(x.dtype)

    def decode(self, z: Tensor) -> Tensor:
        """Logits of the pixels, [batch, pixels], of z [batch, latent]."""
        first, second, last = self.decoder
        return last(second(first(z).relu()).relu()).to(z.dtype)


class Discriminator(nn.Module):
    """Latent -> width -> width -> one number: a guess of log q(z) - sum_j log q(z_j), nats."""

    def __init__(self, latent: int, width: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.first = Dense(latent, width, rng)
        self.second = Dense(width, width, rng)
        self.last = Dense(width, 1, rng)

    def forward(self, z: Tensor, learns: bool) -> Tensor:
        """Map samples [n, latent] to guesses [n].

        Args:
            z: samples.
            learns: whether a loss of the guess moves these weights, or z alone.
        """

        def apply(layer: Dense, h: Tensor) -> Tensor:
            if learns:
                return torch.addmm(layer.bias, h, layer.weight)
            return torch.addmm(layer.bias.detach(), h, layer.weight.detach())

        h = functional.leaky_relu(apply(self.first, z), SLOPE)
        h = functional.leaky_relu(apply(self.second, h), SLOPE)
        return apply(self.last, h).flatten()


class FactorVae(Vae):
    """With a discriminator of latent samples from samples whose units were shuffled apart."""

    def __init__(
        self, config: VaeObjectivesConfig, spec: DataSpec, rng: np.random.Generator
    ) -> None:
        super().__init__(config, spec, rng)
        # Made last: the VAE's own weights are those of the other objectives.
        width = config.objective.discriminator
        self.discriminator = Discriminator(config.model.latent_dim, width, rng)


class VampPrior(Vae):
    """With pseudo-inputs, whose posteriors are the components of the prior."""

    def __init__(
        self, config: VaeObjectivesConfig, spec: DataSpec, rng: np.random.Generator
    ) -> None:
        super().__init__(config, spec, rng)
        shape = (config.objective.components, _pixels(spec))
        # Logits of grey levels, spread over most of [0, 1].
        self.pseudo_inputs = nn.Parameter(4 * uniform(rng, shape, 1))

    def components(self) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the prior's components, each [components, latent]."""
        return self.encode(self.pseudo_inputs.sigmoid())


class VectorQuantised(Vae):
    """With numbers to choose from for each latent unit."""

    def __init__(
        self, config: VaeObjectivesConfig, spec: DataSpec, rng: np.random.Generator
    ) -> None:
        super().__init__(config, spec, rng)
        self.codes = nn.Parameter(
            uniform(rng, (config.model.latent_dim, config.objective.codes), 1)
        )

    def quantise(self, mean: Tensor) -> Tensor:
        """The nearest number of each unit, [batch, latent]; a gradient goes to the numbers."""
        distances = (mean.detach()[:, :, None] - self.codes.detach()).abs()
        nearest = functional.one_hot(distances.argmin(2), self.codes.shape[1])
        return (nearest.to(mean.dtype) * self.codes).sum(2)


def _pixels(spec: DataSpec) -> int:
    return int(np.prod(spec.shape))
