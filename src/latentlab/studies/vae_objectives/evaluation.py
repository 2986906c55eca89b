"""What is measured on trained models: bounds, what the latents hold, and single factors in units.

Every model is measured with weights of 1, whatever it was trained with. A model of discrete codes
has no posterior: of it the reconstruction is measured, and the factors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.core.errors import UserError
from latentlab.data.factors import values_of
from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.disentanglement import (
    beta_vae_score,
    dci,
    factor_vae_score,
    mutual_information_gap,
    separated_predictability,
)
from latentlab.metrics.example_mean import ExampleMean
from latentlab.metrics.latent import active_units, mutual_information
from latentlab.metrics.latent_model import LatentVariableModel
from latentlab.metrics.likelihood import elbo_parts, importance_bound, log_weights
from latentlab.metrics.sample_quality import frechet_distance
from latentlab.metrics.total_correlation import gaussian_total_correlation, total_correlation
from latentlab.nn.sampling import sample
from latentlab.studies.vae_objectives.bounds import log_mixture_ratio
from latentlab.studies.vae_objectives.model import Vae, VampPrior, VectorQuantised
from latentlab.studies.vae_objectives.objective import cross_entropy
from latentlab.training.streams import generator

VERSION = 2
"""Raised when a score or a picture of the same model changes."""

SAMPLES = 32
"""Importance samples of an example, for its likelihood."""


class VaeAsModel:
    """A trained VAE as p(x, z) and q(z|x)."""

    def __init__(self, vae: Vae) -> None:
        self._vae = vae

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x), each [examples, latent]."""
        return self._vae.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean of p(x|z), [examples, channels, height, width]."""
        return self._vae.decode(z).sigmoid().unflatten(1, self._vae.shape)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z) of each pair, nats, [examples]."""
        return -cross_entropy(self._vae.decode(z), x)

    def log_prior(self, z: Tensor) -> Tensor:
        """Return log p(z), nats, [examples]: N(0, I), or the model's own mixture."""
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
        if isinstance(self._vae, VampPrior):
            return normal + log_mixture_ratio(z, *self._vae.components())
        return normal


def latent_model(model: TrainedModel) -> LatentVariableModel:
    """Return what examinations of any latent-variable model see.

    Raises:
        UserError: its codes are discrete.
    """
    if isinstance(model.module, VectorQuantised):
        raise UserError(
            "A model of kind vq has discrete codes and no Gaussian posterior",
            "Name a trial of another objective.",
        )
    return VaeAsModel(model.module)


@torch.no_grad()
def evaluate(model: TrainedModel, features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return all metrics of one trial on one split; those of factors where these are known.

    Args:
        model: the trial; arms of a seed share all draws.
        features: [examples, channels, height, width] in [0, 1].
        labels: numbers of combinations of factors, [examples].
    """
    scores = (
        _of_codes(model, features)
        if isinstance(model.module, VectorQuantised)
        else _of_posteriors(model, features)
    )
    factors = model.spec.factors
    if factors:
        known = values_of(labels.cpu().numpy(), factors)
        codes = _codes(model.module, features).double().cpu().numpy()
        rng = generator(model.stream, "scores/factors")
        parts = dci(codes, known, rng)
        unordered = [k for k, factor in enumerate(factors) if not factor.ordered]
        scores |= {
            "mig": mutual_information_gap(codes, known),
            "sap": separated_predictability(codes, known, unordered),
            "dci_disentanglement": parts.disentanglement,
            "informativeness": parts.informativeness,
            "factor_vae_score": factor_vae_score(codes, known, rng),
            "beta_vae_score": beta_vae_score(codes, known, rng),
        }
    return scores


@torch.no_grad()
def pictures(model: TrainedModel, features: Tensor) -> dict[str, NDArray[np.float32]]:
    """Return reconstructions from codes [n, c, h, w] and these codes [n, latent]."""
    codes = _codes(model.module, features)
    image = VaeAsModel(model.module).decode(codes)
    return {"reconstruction": image.cpu().numpy(), "latent": codes.cpu().numpy()}


@torch.no_grad()
def predict(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return the codes, one column for each unit."""
    codes = _codes(model.module, features).cpu().numpy()
    return {f"latent_{j}": column for j, column in enumerate(codes.T)}


def _codes(vae: Vae, features: Tensor) -> Tensor:
    """Return posterior means, or the numbers next to them, [examples, latent]."""
    mean, _ = vae.encode(features)
    return vae.quantise(mean) if isinstance(vae, VectorQuantised) else mean


def _of_codes(model: TrainedModel, features: Tensor) -> dict[str, float]:
    codes = _codes(model.module, features)
    return {
        "reconstruction_loss": ExampleMean.of(cross_entropy(model.module.decode(codes), features)),
        "active_units": active_units(codes),
        "mean_total_correlation": gaussian_total_correlation(codes),
    }


def _of_posteriors(model: TrainedModel, features: Tensor) -> dict[str, float]:
    seen = latent_model(model)
    mean, log_variance = seen.encode(features)
    noise = model.normal("scores/latent", tuple(mean.shape))
    z = sample(mean, log_variance, noise)
    parts = elbo_parts(seen, features, noise)
    elbo = parts.reconstruction + parts.divergence
    weights = log_weights(seen, features, SAMPLES, generator(model.stream, "scores/importance"))
    likelihood = importance_bound(weights)
    information = mutual_information(mean, log_variance, z)
    drawn = seen.decode(_drawn(model, len(features)))
    return {
        "reconstruction_loss": ExampleMean.of(parts.reconstruction),
        "kl_divergence": ExampleMean.of(parts.divergence),
        "negative_elbo": ExampleMean.of(elbo),
        "negative_log_likelihood": ExampleMean.of(-likelihood),
        "inference_gap": float((elbo + likelihood).mean()),
        "mutual_information": information,
        "marginal_kl": float(parts.divergence.mean()) - information,
        "active_units": active_units(mean),
        "total_correlation": float(total_correlation(mean, log_variance, z)),
        "mean_total_correlation": gaussian_total_correlation(mean),
        "frechet_distance": frechet_distance(_pixels(features), _pixels(drawn)),
    }


def _drawn(model: TrainedModel, count: int) -> Tensor:
    """Return draws from the model's prior, [count, latent]."""
    vae: Vae = model.module
    z = model.normal("scores/prior", (count, vae.config.model.latent_dim))
    if not isinstance(vae, VampPrior):
        return z
    mean, log_variance = vae.components()
    chosen = generator(model.stream, "scores/components").integers(len(mean), size=count)
    return sample(mean[chosen], log_variance[chosen], z)


def _pixels(images: Tensor) -> NDArray[np.float64]:
    return images.flatten(1).double().cpu().numpy()
