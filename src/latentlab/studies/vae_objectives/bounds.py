"""Objectives with another bound, another prior, or another code than the VAE's."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from latentlab.nn.sampling import sample
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig
from latentlab.studies.vae_objectives.model import Posterior, Vae, VampPrior, VectorQuantised
from latentlab.studies.vae_objectives.objective import Objective, cross_entropy
from latentlab.training.contract import Batch, Clock, DataSpec, Tensors
from latentlab.training.streams import Noise


class ImportanceWeighted(Objective):
    """The bound by several samples of the posterior (Burda et al. 2016); by one it is the VAE."""

    def evaluation_noise_spec(
        self, config: VaeObjectivesConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Return the noise of the other samples too."""
        found = dict(super().evaluation_noise_spec(config, spec, examples))
        if (others := config.objective.samples - 1) > 0:
            found["others"] = Noise((others, examples, config.model.latent_dim), "normal")
        return found

    def reconstruction(
        self, model: Vae, x: Tensor, posterior: Posterior, noise: Mapping[str, Tensor]
    ) -> Tensor:
        """Return what makes the bound together with the KL: -log p(x|z), less what samples gain.

        The bound is -log mean_k exp(-r_k - d_k), with r_k = -log p(x|z_k), d_k = log q(z_k|x) -
        log p(z_k). The mean of d_k, whose expectation is the KL, is taken out here, and the exact
        KL stands in the loss: the same expectation, and what varies by it does not.
        """
        mean, log_variance, z = posterior
        each = z[None]
        if "others" in noise:
            each = torch.cat([each, sample(mean, log_variance, noise["others"])])
        logits = model.decode(each.flatten(0, 1)).unflatten(0, each.shape[:2])
        spread = (each - mean).square() * (-log_variance).exp()
        divergence = 0.5 * (each.square() - spread - log_variance).sum(2)
        errors = torch.stack([cross_entropy(own, x) for own in logits.unbind()])
        costs = errors + divergence - divergence.mean(0)
        return (math.log(len(each)) - torch.logsumexp(-costs, dim=0)).mean()


class Vamp(Objective):
    """A mixture of posteriors of pseudo-inputs as prior (Tomczak & Welling 2018).

    With one component that is N(0, I) it is the VAE. `kl` is that to N(0, I), and the KL to the
    prior is the sum of it and `prior_gap`.
    """

    model = VampPrior

    def penalty(
        self,
        model: Vae,
        posterior: Posterior,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
    ) -> tuple[Tensor | float, Tensors]:
        """Return beta times what the KL to the prior is more than that to N(0, I)."""
        assert isinstance(model, VampPrior)
        gap = -log_mixture_ratio(posterior.z, *model.components()).mean()
        return hyper["objective.beta"] * gap, {"prior_gap": gap}


class Quantised(Objective):
    """The nearest of learned numbers for each unit: VQ-VAE (van den Oord et al. 2017).

    Its vectors have one element here, and each unit numbers of its own, so that a unit remains one
    number (as Hsu et al. 2023 have it). There is no posterior, and no KL that could be changed.
    """

    model = VectorQuantised

    def evaluation_noise_spec(
        self, config: VaeObjectivesConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Return none."""
        return {}

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return reconstruction (nats), and squared distances that move codes and encoder."""
        assert isinstance(model, VectorQuantised)
        mean, _ = model.encode(batch.features)
        code = model.quantise(mean)
        # Straight through: the decoder sees the code, and its gradient goes to the encoder.
        z = mean + (code - mean).detach()
        terms = {
            "reconstruction": cross_entropy(model.decode(z), batch.features).mean(),
            "codebook": (mean.detach() - code).square().sum(1).mean(),
            "commitment": (mean - code.detach()).square().sum(1).mean(),
        }
        total = terms["reconstruction"] + terms["codebook"]
        return total + hyper["objective.weight"] * terms["commitment"], terms, state


def log_mixture_ratio(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log of an equal mixture of Gaussians over N(0, I) at z [batch, latent]: [batch].

    Expanded in powers of z, so that a component N(0, I) gives 0 exactly, gradients too.

    Args:
        z: where.
        mean: of the components, [components, latent].
        log_variance: of the components, [components, latent].
    """
    precision = (-log_variance).exp()
    constant = (mean.square() * precision + log_variance).sum(1)
    quadratic = z.square() @ (1 - precision).T + 2 * z @ (mean * precision).T
    return torch.logsumexp(0.5 * (quadratic - constant), dim=1) - math.log(len(mean))
