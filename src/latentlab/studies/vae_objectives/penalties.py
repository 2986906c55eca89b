"""Objectives that add a term to the VAE's; with a weight of 0 all of them are the VAE."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from latentlab.metrics.projections import derp_term, unit_rows
from latentlab.metrics.total_correlation import total_correlation
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig
from latentlab.studies.vae_objectives.model import FactorVae, Posterior, Vae
from latentlab.studies.vae_objectives.objective import Objective
from latentlab.training.contract import DataSpec, Tensors
from latentlab.training.streams import Noise


class Penalised(Objective):
    """The VAE and a weighted term of the batch's posterior."""

    term_name: ClassVar[str]

    @abstractmethod
    def term(self, posterior: Posterior, noise: Mapping[str, Tensor]) -> Tensor:
        """Return the term without its weight."""

    def penalty(
        self,
        model: Vae,
        posterior: Posterior,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
    ) -> tuple[Tensor | float, Tensors]:
        """Return the weighted term."""
        term = self.term(posterior, noise)
        return hyper["objective.weight"] * term, {self.term_name: term}


class BetaTc(Penalised):
    """The total correlation of the batch (Chen et al. 2018): beta is 1 plus the weight.

    The paper's weights of a minibatch add a constant to it, and so no gradient.
    """

    term_name = "total_correlation"

    def term(self, posterior: Posterior, noise: Mapping[str, Tensor]) -> Tensor:
        """Return log q(z) - sum_j log q(z_j), q the batch's mean posterior, nats."""
        return total_correlation(*posterior)


class DipI(Penalised):
    """Posterior means with the covariance I (Kumar et al. 2018)."""

    term_name = "covariance"
    diagonal: ClassVar[float] = 10.0
    """Weight of the variances, in that of the covariances: the paper's for dSprites."""

    def term(self, posterior: Posterior, noise: Mapping[str, Tensor]) -> Tensor:
        """Return squared distances of the covariance from I: off the diagonal, and on it."""
        covariance = self.covariance(posterior)
        on = covariance.diagonal()
        off = covariance.square().sum() - on.square().sum()
        return off + self.diagonal * (on - 1).square().sum()

    def covariance(self, posterior: Posterior) -> Tensor:
        """Return the covariance that is to be I, [latent, latent]."""
        centred = posterior.mean - posterior.mean.mean(0)
        return centred.T @ centred / len(centred)


class DipII(DipI):
    """Posterior samples with the covariance I (Kumar et al. 2018)."""

    diagonal = 1.0

    def covariance(self, posterior: Posterior) -> Tensor:
        """Return the covariance of means plus the mean of the posteriors' covariances."""
        return super().covariance(posterior) + posterior.log_variance.exp().mean(0).diag()


class Mmd(Penalised):
    """The distance of the latent sample from N(0, I): InfoVAE and WAE-MMD.

    Zhao et al. 2018 weigh the KL by 1 - alpha beside it, that is beta; Tolstikhin et al. 2018 leave
    the KL out: a beta of 0.
    """

    term_name = "discrepancy"

    def term(self, posterior: Posterior, noise: Mapping[str, Tensor]) -> Tensor:
        """Return the squared maximum mean discrepancy."""
        return discrepancy(posterior.z)


class Derp(Penalised):
    """The distance of random projections of the latent sample from N(0, 1): see `derp_term`."""

    term_name = "distributional"

    def evaluation_noise_spec(
        self, config: VaeObjectivesConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Return the directions too."""
        probes = Noise((config.objective.probes, config.model.latent_dim), "normal")
        return {**super().evaluation_noise_spec(config, spec, examples), "probes": probes}

    def term(self, posterior: Posterior, noise: Mapping[str, Tensor]) -> Tensor:
        """Return the DERP term on directions of this step."""
        return derp_term(posterior.z, unit_rows(noise["probes"]))


class Factor(Objective):
    """The total correlation by a discriminator that is trained beside (Kim & Mnih 2018).

    It tells latent samples from ones whose units were shuffled, here those of the same batch. In
    one loss: the VAE sees a discriminator that does not move, which sees samples that do not.
    """

    model = FactorVae

    def evaluation_noise_spec(
        self, config: VaeObjectivesConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Return what the shuffling is sorted by too."""
        shuffle = Noise((examples, config.model.latent_dim), "uniform")
        return {**super().evaluation_noise_spec(config, spec, examples), "shuffle": shuffle}

    def parameter_multipliers(
        self, config: VaeObjectivesConfig
    ) -> Mapping[str, tuple[float, float]]:
        """Give the discriminator a learning rate of its own."""
        return {"discriminator.": (config.objective.discriminator_rate, 1.0)}

    def penalty(
        self,
        model: Vae,
        posterior: Posterior,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
    ) -> tuple[Tensor | float, Tensors]:
        """Return the weighted total correlation, and the discriminator's loss, nats."""
        assert isinstance(model, FactorVae)
        found = model.discriminator(posterior.z, False).mean()
        z = posterior.z.detach()
        shuffled = z.gather(0, noise["shuffle"].argsort(0))
        own = discrimination(model.discriminator(z, True), model.discriminator(shuffled, True))
        # Of the discriminator's loss the total has the gradient and not the value.
        total = hyper["objective.weight"] * found + (own - own.detach())
        return total, {"total_correlation": found, "discriminator": own}


def discrepancy(z: Tensor) -> Tensor:
    """Return the unbiased squared MMD of z [n, latent] from N(0, I), kernel exp(-d^2 / 2 latent).

    What needs the prior alone is exact: with s the kernel's variance E k(z, y) is
    (s / (s + 1))^(latent / 2) exp(-|z|^2 / (2 s + 2)), and E k(y, y') is (s / (s + 2))^(latent / 2)
    (Gretton et al. 2012 for the estimator).
    """
    n, latent = z.shape
    squares = z.square().sum(1)
    # Of each pair, and 0 to itself.
    distances = (squares[:, None] + squares - 2 * z @ z.T).clamp(min=0)
    own = torch.exp(-distances / (2 * latent))
    within = (own.sum() - own.diagonal().sum()) / (n * (n - 1))
    across = (latent / (latent + 1)) ** (latent / 2) * torch.exp(-squares / (2 * latent + 2))
    return within - 2 * across.mean() + (latent / (latent + 2)) ** (latent / 2)


def discrimination(real: Tensor, shuffled: Tensor) -> Tensor:
    """Return the cross-entropy of telling samples apart by their log ratios [n], nats."""
    return 0.5 * (functional.softplus(-real).mean() + functional.softplus(shuffled).mean())
