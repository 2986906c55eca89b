"""The variational mixture of harmoniums: parameters, prior, likelihood and posterior.

A harmonium (Welling, Rosen-Zvi & Hinton 2004) couples binary latents y to counts x; a mixture of
them adds a category k. Read as a directed model with an explicit prior p(y, k), its posterior has
the family of the prior and needs no encoder: Bayes' rule adds x W_k to the natural parameters of y
and x . u_k to that of k. It is exact where the log-partition function of the likelihood is affine
in y, psi_X(theta_X(y, k)) = const + rho . y; the conjugation parameters rho are then subtracted
(Sokoloski, "A unified theory of exact inference and learning in exponential family latent variable
models", arXiv 2404.19501). Here rho is learned so that this holds as nearly as possible.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.families import BernoulliMixture
from latentlab.studies.mixture_harmonium.likelihood import Interaction, Likelihood
from latentlab.training.contract import DataSpec

SMALL_SD = 0.1
OFFSET_SD = 0.5
"""Standard deviation of the components' latent offsets, large enough to tell components apart."""


class MixtureHarmonium(nn.Module):
    """Parameters of K components with L binary latents over D pixels.

    The first component is the reference: what is stored for the others are differences from it,
    and with one component there are none.

    Attributes:
        observable_bias: b, [D].
        weight: W_0, [L, D].
        weight_offsets: W_k - W_0 for k > 0, [K - 1, L, D]; full interaction only.
        bias_offsets: u_k for k > 0, [K - 1, D]; full interaction only.
        latent_bias: c, [L].
        latent_offsets: D_k for k > 0, [K - 1, L].
        component: natural parameters of the category for k > 0, [K - 1].
        rho: conjugation parameters, [L]; gradient mode only.
    """

    def __init__(
        self, config: MixtureHarmoniumConfig, spec: DataSpec, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.config = config
        pixels, latent = math.prod(spec.shape), config.model.latent_dim
        others = config.model.clusters - 1
        full = config.model.interaction == "full"
        statistics = latent + latent * others + others
        mean = np.full(pixels, 0.5) if spec.mean is None else np.ravel(spec.mean)
        self.observable_bias = _parameter(initial_bias(mean) + _normal(rng, SMALL_SD, pixels))
        self.latent_bias = _parameter(_normal(rng, SMALL_SD, latent))
        self.weight = _parameter(
            _normal(rng, SMALL_SD / math.sqrt(pixels * statistics), latent, pixels)
        )
        if others:
            # Component by component and whether used or not, so that arms of one seed that differ
            # in clusters or interaction share what they have in common.
            drawn = [
                (
                    _normal(rng, SMALL_SD),
                    _normal(rng, OFFSET_SD, latent),
                    _normal(rng, SMALL_SD / math.sqrt(pixels), pixels),
                    _normal(rng, SMALL_SD / math.sqrt(pixels * latent), latent, pixels),
                )
                for _ in range(others)
            ]
            component, latents, biases, weights = (
                np.stack(kind) for kind in zip(*drawn, strict=True)
            )
            self.component = _parameter(component)
            self.latent_offsets = _parameter(latents)
            if full:
                self.bias_offsets = _parameter(biases)
                self.weight_offsets = _parameter(weights)
        if config.model.mode == "gradient":
            self.rho = nn.Parameter(torch.zeros(latent))

    def prior(self) -> BernoulliMixture:
        """p(y, k): latent [components, latent], component [components]."""
        if self.config.model.clusters == 1:
            return BernoulliMixture(self.latent_bias[None], self.latent_bias.new_zeros(1))
        return BernoulliMixture(
            _after_reference(self.latent_offsets) + self.latent_bias,
            _after_reference(self.component),
        )

    def likelihood(self) -> Likelihood:
        """p(x | y, k)."""
        base, form = self.observable_bias, self.config.model.grouped_product
        if self.config.model.clusters == 1 or self.config.model.interaction == "hierarchical":
            return Likelihood(self.weight[None], base[None], base, None, form)
        component = _after_reference(self.bias_offsets)
        weight = _after_reference(self.weight_offsets) + self.weight
        return Likelihood(weight, component + base, base, component, form)

    @staticmethod
    def posterior(
        prior: BernoulliMixture, interaction: Interaction, rho: Tensor
    ) -> BernoulliMixture:
        """q(y, k | x) of images: latent [images, components, latent]."""
        return BernoulliMixture(
            interaction.latent + (prior.latent - rho), interaction.component + prior.component
        )


def initial_bias(mean: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits of the pixels' mean values in [0, 1], pulled off the ends: logit(.005 + .99 mean)."""
    inside = 0.99 * np.asarray(mean, dtype=np.float64) + 0.005
    return np.log(inside) - np.log1p(-inside)


def _after_reference(offsets: Tensor) -> Tensor:
    """Offsets of the components after the first, with a zero for the first in front."""
    return functional.pad(offsets, (0, 0) * (offsets.ndim - 1) + (1, 0))


def _normal(rng: np.random.Generator, sd: float, *shape: int) -> NDArray[np.float64]:
    return sd * rng.standard_normal(shape)


def _parameter(values: NDArray[np.float64]) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(values.astype(np.float32)))
