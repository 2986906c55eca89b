"""What is measured on trained weights, drawn for figures, and answered by a registered model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.clustering import clustering_scores
from latentlab.metrics.example_mean import ExampleMean
from latentlab.studies.mixture_harmonium.config import OBSERVABLE_TRIALS
from latentlab.studies.mixture_harmonium.conjugation import conjugation
from latentlab.studies.mixture_harmonium.families import BernoulliMixture, Latent, counts
from latentlab.studies.mixture_harmonium.likelihood import Interaction, Likelihood
from latentlab.studies.mixture_harmonium.model import MixtureHarmonium
from latentlab.studies.mixture_harmonium.objective import exact_bound
from latentlab.training.streams import generator

VERSION = 1
"""Raised when a score or a picture of the same model changes."""

PRIOR_SAMPLES = 10_000
POSTERIOR_SAMPLES = 10
"""Samples per example for the log-partition in the bound, whatever an arm trained with."""
CHUNK = 512
"""Examples at a time: bounds memory at images x clusters x latents, and images x samples x pixels.
"""


class _Harmonium(NamedTuple):
    """The distributions of a trained trial."""

    prior: BernoulliMixture
    likelihood: Likelihood
    rho: Tensor
    clusters: int

    @classmethod
    def of(cls, model: TrainedModel) -> Self:
        """Return prior, likelihood and conjugation parameters of a trial."""
        module: MixtureHarmonium = model.module
        settings = model.config.model
        rho = module.rho if settings.mode == "gradient" else model.state["rho"]
        return cls(module.prior(), module.likelihood(), rho, settings.clusters)

    def posterior(self, x: Tensor) -> tuple[BernoulliMixture, Interaction]:
        """Return q(y, k | x) of counts [images, pixels], and what the images say."""
        interaction = self.likelihood.interaction(x, self.clusters)
        return MixtureHarmonium.posterior(self.prior, interaction, self.rho), interaction

    def uniforms(self, rng: np.random.Generator, *shape: int) -> Tensor:
        """Return U[0, 1) where the weights are."""
        return torch.from_numpy(rng.random(shape, dtype=np.float32)).to(self.rho.device)


@torch.no_grad()
def evaluate(model: TrainedModel, features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return all metrics but the times, of one trial on one split.

    Args:
        model: the trial; arms of a seed share the uniforms.
        features: [examples, channels, height, width] in [0, 1].
        labels: [examples].

    Returns:
        Scores by metric name; `hungarian_accuracy` only with as many clusters as classes.
    """
    trained = _Harmonium.of(model)
    rng = generator(model.stream, "scores/posterior")
    assigned, errors, bounds = [], [], []
    for x in _counted(features):
        posterior, interaction = trained.posterior(x)
        assigned.append(posterior.probabilities.argmax(-1))
        mean = OBSERVABLE_TRIALS * trained.likelihood.mean_field_logits(posterior).sigmoid()
        errors.append((x - mean).square().mean(1))
        parts = exact_bound(
            x, trained.prior, posterior, trained.likelihood, interaction, trained.rho
        )
        log_partition = _expected_log_partition(trained, posterior, rng)
        bounds.append(parts.kl - parts.linear + log_partition)
    scores = clustering_scores(
        torch.cat(assigned).cpu().numpy(),
        labels.cpu().numpy(),
        trained.clusters,
        model.spec.classes,
    )
    for name, chunks in (("negative_elbo", bounds), ("reconstruction_error", errors)):
        scores[name] = ExampleMean.of(torch.cat(chunks).double())
    return scores | _conjugation_scores(trained, model.stream)


@torch.no_grad()
def pictures(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return arrays for figures; nothing is sampled.

    Returns:
        `reconstruction`: pixels at the posterior mean of the latents, [n, c, h, w]; `latent`:
        E[y | x], [n, latent]; `cluster`: most probable component, int64 [n]; `cluster_means`:
        pixels at each component's mean of the latents under the prior, [clusters, c, h, w].
    """
    trained = _Harmonium.of(model)
    images, latents, clusters = [], [], []
    for x in _counted(features):
        posterior, _ = trained.posterior(x)
        images.append(trained.likelihood.mean_field_logits(posterior).sigmoid())
        latents.append(posterior.mean)
        clusters.append(posterior.probabilities.argmax(-1))
    components = torch.arange(trained.clusters, device=features.device)
    means = trained.likelihood.logits(Latent(trained.prior.means, components)).sigmoid()
    return {
        "reconstruction": torch.cat(images).view(features.shape).cpu().numpy(),
        "latent": torch.cat(latents).cpu().numpy(),
        "cluster": torch.cat(clusters).cpu().numpy(),
        "cluster_means": means.view(-1, *model.spec.shape).cpu().numpy(),
    }


@torch.no_grad()
def predict(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return the most probable component of each image, `cluster`, and its `probability`."""
    trained = _Harmonium.of(model)
    best = [trained.posterior(x)[0].probabilities.max(-1) for x in _counted(features)]
    return {
        "cluster": torch.cat([chunk.indices for chunk in best]).cpu().numpy(),
        "probability": torch.cat([chunk.values for chunk in best]).cpu().numpy(),
    }


def _expected_log_partition(
    trained: _Harmonium, posterior: BernoulliMixture, rng: np.random.Generator
) -> Tensor:
    """Return E_q[psi_X] of each image from samples, [images]."""
    images, _, latent = posterior.latent.shape
    z = posterior.sample(
        trained.uniforms(rng, images, POSTERIOR_SAMPLES),
        trained.uniforms(rng, images, POSTERIOR_SAMPLES, latent),
    )
    drawn = trained.likelihood.log_partition(Latent(z.y.flatten(0, 1), z.k.flatten()))
    return drawn.view(images, POSTERIOR_SAMPLES).mean(1)


def _conjugation_scores(trained: _Harmonium, stream: int) -> dict[str, float]:
    """Return R2 and what it is made of, on samples of the prior."""
    rng = generator(stream, "scores/prior")
    z = trained.prior.sample(
        trained.uniforms(rng, PRIOR_SAMPLES),
        trained.uniforms(rng, PRIOR_SAMPLES, len(trained.rho)),
    )
    log_partition = trained.likelihood.log_partition(z)
    parts = conjugation(trained.rho.double(), z.y.double(), log_partition.double())
    return {
        "r_squared": float(parts.r_squared),
        "residual_variance": float(parts.residual),
        "log_partition_variance": float(parts.log_partition),
        "rho_norm": float(trained.rho.norm()),
    }


def _counted(features: Tensor) -> Iterator[Tensor]:
    """Return counts of the examples, chunk by chunk, [images, pixels] each."""
    return (counts(chunk) for chunk in features.split(CHUNK))
