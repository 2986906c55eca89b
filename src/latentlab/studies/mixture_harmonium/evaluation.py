"""What is measured on trained weights, drawn for figures, and answered by a registered model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.metrics.clustering import clustering_scores
from latentlab.studies.mixture_harmonium.config import (
    OBSERVABLE_TRIALS,
    MixtureHarmoniumConfig,
)
from latentlab.studies.mixture_harmonium.conjugation import conjugation
from latentlab.studies.mixture_harmonium.families import BernoulliMixture, Latent, counts
from latentlab.studies.mixture_harmonium.likelihood import Interaction, Likelihood
from latentlab.studies.mixture_harmonium.method import METHOD
from latentlab.studies.mixture_harmonium.model import MixtureHarmonium
from latentlab.studies.mixture_harmonium.objective import exact_bound
from latentlab.training.contract import DataSpec
from latentlab.training.streams import generator

PRIOR_SAMPLES = 10_000
POSTERIOR_SAMPLES = 10
"""Samples per example for the log-partition in the bound, whatever an arm trained with."""
CHUNK = 512
"""Examples at a time: bounds memory at images x clusters x latents, and images x samples x pixels.
"""


class _Trained(NamedTuple):
    """A trained trial, ready to be asked."""

    prior: BernoulliMixture
    likelihood: Likelihood
    rho: Tensor
    clusters: int

    def posterior(self, x: Tensor) -> tuple[BernoulliMixture, Interaction]:
        """q(y, k | x) of counts [images, pixels], and what the images say."""
        interaction = self.likelihood.interaction(x, self.clusters)
        return MixtureHarmonium.posterior(self.prior, interaction, self.rho), interaction

    def uniforms(self, rng: np.random.Generator, *shape: int) -> Tensor:
        """U[0, 1) where the weights are."""
        return torch.from_numpy(rng.random(shape, dtype=np.float32)).to(self.rho.device)


@torch.no_grad()
def evaluate(
    config: MixtureHarmoniumConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    labels: Tensor,
    stream: int,
) -> dict[str, float]:
    """All metrics but the times, of one trial on one split.

    Args:
        config: the trial's configuration.
        spec: shape and classes of the data.
        weights: stored tensors of the trial.
        features: [examples, channels, height, width] in [0, 1].
        labels: [examples].
        stream: key of the trial's random streams; arms of a seed share the uniforms.

    Returns:
        Scores by metric name; `hungarian_accuracy` only with as many clusters as classes.
    """
    trained = _restore(config, spec, weights)
    rng = generator(stream, "scores/posterior")
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
        config.model.clusters,
        spec.classes,
    )
    scores["negative_elbo"] = float(torch.cat(bounds).double().mean())
    scores["reconstruction_error"] = float(torch.cat(errors).double().mean())
    return scores | _conjugation_scores(trained, stream)


@torch.no_grad()
def pictures(
    config: MixtureHarmoniumConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    stream: int,
) -> dict[str, NDArray[Any]]:
    """Arrays for figures; nothing is sampled.

    Returns:
        `reconstruction`: pixels at the posterior mean of the latents, [n, c, h, w]; `latent`:
        E[y | x], [n, latent]; `cluster`: most probable component, int64 [n]; `cluster_means`:
        pixels at each component's mean of the latents under the prior, [clusters, c, h, w].
    """
    trained = _restore(config, spec, weights)
    images, latents, clusters = [], [], []
    for x in _counted(features):
        posterior, _ = trained.posterior(x)
        images.append(trained.likelihood.mean_field_logits(posterior).sigmoid())
        latents.append(posterior.mean)
        clusters.append(posterior.probabilities.argmax(-1))
    components = torch.arange(config.model.clusters, device=features.device)
    means = trained.likelihood.logits(Latent(trained.prior.means, components)).sigmoid()
    return {
        "reconstruction": torch.cat(images).view(features.shape).cpu().numpy(),
        "latent": torch.cat(latents).cpu().numpy(),
        "cluster": torch.cat(clusters).cpu().numpy(),
        "cluster_means": means.view(-1, *spec.shape).cpu().numpy(),
    }


@torch.no_grad()
def predict(
    config: MixtureHarmoniumConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
) -> dict[str, NDArray[Any]]:
    """The most probable component of each image, `cluster`, and its `probability`."""
    trained = _restore(config, spec, weights)
    best = [trained.posterior(x)[0].probabilities.max(-1) for x in _counted(features)]
    return {
        "cluster": torch.cat([found.indices for found in best]).cpu().numpy(),
        "probability": torch.cat([found.values for found in best]).cpu().numpy(),
    }


def _restore(
    config: MixtureHarmoniumConfig, spec: DataSpec, weights: Mapping[str, Tensor]
) -> _Trained:
    """Prior, likelihood and conjugation parameters of stored weights, where the weights are."""
    model = METHOD.build(config, spec, np.random.default_rng(0))
    model.load_state_dict({n: t for n, t in weights.items() if not n.startswith("state.")})
    model = model.to(next(iter(weights.values())).device)
    rho = weights["rho"] if config.model.mode == "gradient" else weights["state.rho"]
    return _Trained(model.prior(), model.likelihood(), rho, config.model.clusters)


def _expected_log_partition(
    trained: _Trained, posterior: BernoulliMixture, rng: np.random.Generator
) -> Tensor:
    """E_q[psi_X] of each image from samples, [images]."""
    images, _, latent = posterior.latent.shape
    z = posterior.sample(
        trained.uniforms(rng, images, POSTERIOR_SAMPLES),
        trained.uniforms(rng, images, POSTERIOR_SAMPLES, latent),
    )
    drawn = trained.likelihood.log_partition(Latent(z.y.flatten(0, 1), z.k.flatten()))
    return drawn.view(images, POSTERIOR_SAMPLES).mean(1)


def _conjugation_scores(trained: _Trained, stream: int) -> dict[str, float]:
    """R2 and what it is made of, on samples of the prior."""
    rng = generator(stream, "scores/prior")
    z = trained.prior.sample(
        trained.uniforms(rng, PRIOR_SAMPLES),
        trained.uniforms(rng, PRIOR_SAMPLES, len(trained.rho)),
    )
    log_partition = trained.likelihood.log_partition(z)
    found = conjugation(trained.rho.double(), z.y.double(), log_partition.double())
    return {
        "r_squared": float(found.r_squared),
        "residual_variance": float(found.residual),
        "log_partition_variance": float(found.log_partition),
        "rho_norm": float(trained.rho.norm()),
    }


def _counted(features: Tensor) -> Iterator[Tensor]:
    """Counts of the examples, chunk by chunk, [images, pixels] each."""
    return (counts(chunk) for chunk in features.split(CHUNK))
