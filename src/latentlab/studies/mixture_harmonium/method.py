"""The mixture harmonium as the trainer sees it: model, state, noise and loss of one trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.metrics.clustering import normalised_mutual_information
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.conjugation import conjugation, regressed_rho
from latentlab.studies.mixture_harmonium.families import BernoulliMixture, counts, entropy
from latentlab.studies.mixture_harmonium.likelihood import Likelihood
from latentlab.studies.mixture_harmonium.model import MixtureHarmonium
from latentlab.studies.mixture_harmonium.objective import (
    exact_bound,
    sampled_log_partitions,
    score_function_surrogate,
    without_value,
)
from latentlab.training.contract import Batch, Clock, DataSpec, MethodDefaults, Tensors
from latentlab.training.schedules import linear_warmup
from latentlab.training.streams import Noise

RUNNING_RATE = 1 / 16
"""Weight of the newest batch in the running table of clusters by labels: about 31 batches count."""
FEWEST_CLUSTERS = 1.384
"""Effective clusters of two that share the examples 9 to 1: with fewer, one holds nearly all."""


class MixtureHarmoniumMethod(MethodDefaults):
    """Clustering by the category of a variational mixture of harmoniums. Labels are only watched.

    State: `clusters_by_labels` [components, classes], a running table of hard assignments, for the
    learning curve alone; and in analytical mode `rho` [latent], the regression of the last step,
    with which trials are evaluated.
    """

    name = "mixture_harmonium"
    version = 1

    def build(
        self, config: MixtureHarmoniumConfig, spec: DataSpec, rng: np.random.Generator
    ) -> MixtureHarmonium:
        """Return a model initialised from `rng` and the mean image."""
        return MixtureHarmonium(config, spec, rng)

    def init_state(
        self, config: MixtureHarmoniumConfig, spec: DataSpec, rng: np.random.Generator
    ) -> Tensors:
        """Return an empty table and, in analytical mode, rho = 0."""
        state = {"clusters_by_labels": torch.zeros(config.model.clusters, spec.classes)}
        if config.model.mode == "analytical":
            state["rho"] = torch.zeros(config.model.latent_dim)
        return state

    def noise_spec(
        self, config: MixtureHarmoniumConfig, spec: DataSpec, batch: int
    ) -> Mapping[str, Noise]:
        """Uniforms of the samples of posterior and prior, and of those that rho is regressed on."""
        noise = dict(self.evaluation_noise_spec(config, spec, batch))
        if config.model.mode == "analytical":
            latent = config.model.latent_dim
            samples = config.objective.regression_samples_per_latent * latent
            noise |= _uniforms("regression", samples, latent)
        return noise

    def evaluation_noise_spec(
        self, config: MixtureHarmoniumConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Uniforms of the samples of posterior and prior; rho is then that of the state."""
        latent, objective = config.model.latent_dim, config.objective
        posterior = _uniforms("posterior", examples, objective.likelihood_samples, latent)
        return posterior | _uniforms("prior", objective.prior_samples, latent)

    def parameter_multipliers(
        self, config: MixtureHarmoniumConfig
    ) -> Mapping[str, tuple[float, float]]:
        """Give the conjugation parameters a learning rate of their own."""
        return {"rho": (config.objective.rho_lr_multiplier, 1.0)}

    def outcome(self, state: Tensors, scores: Mapping[str, float]) -> str:
        """Return `mega_cluster` where nearly all examples ended in one of several clusters."""
        effective = scores.get("train_effective_clusters", FEWEST_CLUSTERS)
        return "mega_cluster" if effective < FEWEST_CLUSTERS else "ok"

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return the total, and its terms in nats per image; variances are in square nats.

        Log-weights of components reach a thousand, so all is computed in float32 whatever the
        trainer's precision for matrix products.
        """
        with torch.autocast(batch.features.device.type, enabled=False):
            return self._loss(model, batch, hyper, noise, state, clock)

    def _loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        assert isinstance(model, MixtureHarmonium)
        objective = model.config.objective
        x = counts(batch.features)
        prior, likelihood = model.prior(), model.likelihood()
        rho = self._rho(model, prior, likelihood, noise, state)
        interaction = likelihood.interaction(x, model.config.model.clusters)
        posterior = model.posterior(prior, interaction, rho)
        bound = exact_bound(x, prior, posterior, likelihood, interaction, rho)
        samples = sampled_log_partitions(prior, posterior, likelihood, noise)
        surrogate = score_function_surrogate(
            samples.of_posterior,
            posterior.log_density(samples.posterior),
            corrected=not objective.legacy.baseline_without_correction,
        )
        conjugacy = conjugation(rho, samples.prior.y, samples.of_prior)
        penalised = objective.conjugation_penalty
        penalty = conjugacy.residual if penalised == "variance" else conjugacy.unexplained
        shares = posterior.probabilities.mean(0)
        prior_entropy, posterior_entropy = entropy(prior.probabilities), entropy(shares)
        reconstruction = samples.of_posterior.mean() - bound.linear.mean()
        kl = bound.kl.mean()
        progress = clock.step / clock.total_steps
        beta = linear_warmup(progress, hyper["objective.beta_warmup_fraction"])
        negative_elbo = reconstruction + beta * kl
        total = (
            negative_elbo
            + without_value(surrogate)
            - hyper["objective.prior_entropy_weight"] * prior_entropy
            - hyper["objective.posterior_entropy_weight"] * posterior_entropy
            + beta * hyper["objective.conjugation_weight"] * penalty
        )
        if objective.legacy.surrogate_in_elbo:
            negative_elbo = negative_elbo + surrogate
        table = self._watched(posterior, batch.labels, state["clusters_by_labels"])
        terms = {
            "elbo": -negative_elbo,
            "reconstruction": reconstruction,
            "kl": kl,
            "residual_variance": conjugacy.residual,
            "log_partition_variance": conjugacy.log_partition,
            "r_squared": conjugacy.r_squared,
            "rho_norm": rho.norm(),
            "beta": beta,
        }
        if model.config.model.clusters > 1:
            terms |= {
                "prior_entropy": prior_entropy,
                "posterior_entropy": posterior_entropy,
                "effective_clusters": posterior_entropy.exp(),
                "running_nmi": normalised_mutual_information(table),
            }
        new = {"clusters_by_labels": table}
        return total, terms, new | ({"rho": rho} if "rho" in state else {})

    def _rho(
        self,
        model: MixtureHarmonium,
        prior: BernoulliMixture,
        likelihood: Likelihood,
        noise: Mapping[str, Tensor],
        state: Tensors,
    ) -> Tensor:
        """Conjugation parameters [latent]: learned; or regressed, and in evaluation left so."""
        if model.config.model.mode == "gradient":
            return model.rho
        if "regression_latent" not in noise:
            return state["rho"]
        z = prior.sample(noise["regression_component"], noise["regression_latent"])
        return regressed_rho(z.y, likelihood.log_partition(z))

    @torch.no_grad()
    def _watched(self, posterior: BernoulliMixture, labels: Tensor, running: Tensor) -> Tensor:
        """Return the running table [components, classes] with this batch's assignments."""
        components, classes = running.shape
        assigned = posterior.probabilities.argmax(-1)
        mine = functional.one_hot(assigned, components).to(running.dtype)
        theirs = functional.one_hot(labels, classes).to(running.dtype)
        return torch.lerp(running, mine.mT @ theirs / len(labels), RUNNING_RATE)


def _uniforms(name: str, *shape: int) -> dict[str, Noise]:
    """Return noise for samples: a uniform each for the component, [latent] for the latents."""
    return {
        f"{name}_component": Noise(shape[:-1], "uniform"),
        f"{name}_latent": Noise(shape, "uniform"),
    }


METHOD = MixtureHarmoniumMethod()
