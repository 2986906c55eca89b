"""The plain VAE, of which every other objective overrides a piece or two.

Kingma & Welling 2014; Higgins et al. 2017 for the KL's weight beta. The split into pieces follows
disentanglement_lib (Locatello et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from latentlab.metrics.latent import unit_kl
from latentlab.nn.sampling import sample
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig
from latentlab.studies.vae_objectives.model import Posterior, Vae
from latentlab.training.contract import Batch, Clock, DataSpec, MethodDefaults, Tensors
from latentlab.training.streams import Noise


class Objective(MethodDefaults):
    """Reconstruction plus beta times KL. Overridden are `reconstruction`, `rate` and `penalty`."""

    name = "vae_objectives"
    version = 1
    model: ClassVar[type[Vae]] = Vae

    def build(self, config: VaeObjectivesConfig, spec: DataSpec, rng: np.random.Generator) -> Vae:
        """Return a model initialised from `rng`."""
        return self.model(config, spec, rng)

    def noise_spec(
        self, config: VaeObjectivesConfig, spec: DataSpec, batch: int
    ) -> Mapping[str, Noise]:
        """Return what evaluation draws too: there is no dropout."""
        return self.evaluation_noise_spec(config, spec, batch)

    def evaluation_noise_spec(
        self, config: VaeObjectivesConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Return the noise of one posterior sample of each example."""
        return {"latent": Noise((examples, config.model.latent_dim), "normal")}

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return the weighted sum, and the terms: reconstruction and KL in nats."""
        assert isinstance(model, Vae)
        x = batch.features
        mean, log_variance = model.encode(x)
        posterior = Posterior(mean, log_variance, sample(mean, log_variance, noise["latent"]))
        units = unit_kl(mean, log_variance)
        terms = {
            "reconstruction": self.reconstruction(model, x, posterior, noise),
            "kl": units.sum(),
        }
        rate = self.rate(units, hyper, clock.step / clock.total_steps)
        penalty, own = self.penalty(model, posterior, hyper, noise)
        return terms["reconstruction"] + rate + penalty, terms | own, state

    def reconstruction(
        self, model: Vae, x: Tensor, posterior: Posterior, noise: Mapping[str, Tensor]
    ) -> Tensor:
        """Return -log p(x|z), nats, averaged over the batch."""
        return cross_entropy(model.decode(posterior.z), x).mean()

    def rate(self, units: Tensor, hyper: Mapping[str, Tensor], progress: Tensor) -> Tensor:
        """Return what the KL costs.

        Args:
            units: KL of each unit, nats, averaged over the batch, [latent].
            hyper: the trial's numbers.
            progress: share of training that is done.
        """
        return hyper["objective.beta"] * units.sum()

    def penalty(
        self,
        model: Vae,
        posterior: Posterior,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
    ) -> tuple[Tensor | float, Tensors]:
        """Return what else is minimised, and its terms without their weight: nothing."""
        return 0.0, {}


def cross_entropy(logits: Tensor, x: Tensor) -> Tensor:
    """Return -log p(x|z) of pixels in [0, 1] that are coins, nats, summed over pixels: [batch].

    Args:
        logits: [batch, pixels].
        x: [batch, ...].
    """
    return (functional.softplus(logits) - logits * x.flatten(1)).sum(1)
