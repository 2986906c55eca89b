"""What is measured on trained weights: the report's metrics as it computed them, and right ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.example_mean import ExampleMean
from latentlab.metrics.latent import (
    active_units,
    class_separation_ratio,
    kl_to_standard_normal,
    kolmogorov_smirnov,
    mutual_information,
)
from latentlab.metrics.projections import derp_noise_floor, derp_term, normal_cdf, unit_rows
from latentlab.nn.sampling import sample
from latentlab.studies.derp_vae.model import Vae
from latentlab.studies.derp_vae.objective import reconstruction_loss

VERSION = 1
"""Raised when a score or a picture of the same model changes."""

PROJECTIONS = 10
REPORTED_VARIANCE = 0.005
"""The report's threshold on the posterior variance."""
CHUNK = 2048


def evaluate(model: TrainedModel, features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return all metrics but the times, of one trial on one split.

    Args:
        model: the trial; arms of a seed share noise and projections.
        features: [examples, channels, height, width] in [0, 1].
        labels: [examples].

    Returns:
        Scores by metric name; `derp_term_own_probes` only where there are probes.
    """
    d = model.config.model.latent_dim
    epsilon = model.normal("scores/latent", (len(features), d))
    parts = [_forward(model.module, x, e) for x, e in _chunks(features, epsilon)]
    mean, log_variance, z, class_logits, reconstruction = (
        torch.cat([part[i] for part in parts]) for i in range(5)
    )
    divergence = kl_to_standard_normal(mean, log_variance)
    kl, loss = ExampleMean.of(divergence), ExampleMean.of(reconstruction)
    scores = {
        "kl_divergence": kl,
        "reconstruction_loss": loss,
        "negative_elbo": ExampleMean(loss + kl, loss.values + kl.values),
        "accuracy": ExampleMean.of((class_logits.argmax(1) == labels).float()),
        "class_separation_ratio": class_separation_ratio(z, labels, model.spec.classes),
        "posterior_variance_share": float((log_variance.exp() > REPORTED_VARIANCE).float().mean()),
        "mean_posterior_variance": float(log_variance.exp().mean()),
        "active_units": active_units(mean),
        "mutual_information": mutual_information(mean, log_variance, z),
    }
    projections = unit_rows(model.normal("scores/projections", (PROJECTIONS, d)))
    batch = min(model.config.training.batch_size, len(z))
    scores["eval_ks_distance"] = one_sided_grid_ks(z @ projections.T)
    scores["derp_over_floor"] = _batched_derp(z, projections, batch) / derp_noise_floor(batch)
    if "probes" in model.state:
        scores["derp_term_own_probes"] = _batched_derp(z, model.state["probes"], batch)
    distances, p_values = kolmogorov_smirnov(z.double().cpu().numpy())
    scores["dimension_ks"] = float(distances.mean())
    scores["normal_dimensions"] = float((p_values > 0.05).mean())
    return scores


@torch.no_grad()
def pictures(model: TrainedModel, features: Tensor) -> dict[str, NDArray[np.float32]]:
    """Return reconstructions of posterior means [n, c, h, w] and a latent sample [n, latent]."""
    vae: Vae = model.module
    zero = torch.zeros((), device=features.device)
    mean, log_variance = vae.encode(features, {}, zero)
    image = vae.decoder(mean, {}, zero).sigmoid()
    epsilon = model.normal("scores/latent", tuple(mean.shape))
    latent = sample(mean, log_variance, epsilon)
    return {"reconstruction": image.cpu().numpy(), "latent": latent.cpu().numpy()}


@torch.no_grad()
def predict(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return latent means `latent_0`.. and the class named from the mean, `label`."""
    vae: Vae = model.module
    zero = torch.zeros((), device=features.device)
    mean, _ = vae.encode(features, {}, zero)
    label = vae.classifier(mean, {}, zero).argmax(1)
    columns = {f"latent_{j}": mean[:, j].cpu().numpy() for j in range(mean.shape[1])}
    return columns | {"label": label.cpu().numpy()}


@dataclass(frozen=True)
class LatentVae:
    """The VAE without its other terms: N(0, I) decoded to independent pixels in [0, 1].

    The likelihood is the cross-entropy of grey levels, as in the loss.
    """

    vae: Vae

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x), each [examples, latent]."""
        return self.vae.encode(x, {}, torch.zeros((), device=x.device))

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean of p(x|z), [examples, channels, height, width]."""
        return self._logits(z).sigmoid()

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z) of each pair, nats, [examples]."""
        return -_reconstruction_losses(self._logits(z), x)

    def log_prior(self, z: Tensor) -> Tensor:
        """Return log p(z), nats, [examples]."""
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)

    def _logits(self, z: Tensor) -> Tensor:
        return self.vae.decoder(z, {}, torch.zeros((), device=z.device))


def latent_model(model: TrainedModel) -> LatentVae:
    """Return a trial as metrics of latent-variable models see it."""
    return LatentVae(model.module)


def one_sided_grid_ks(projected: Tensor) -> float:
    """Return the report's KS: max_i |i/n - Phi(p_(i))|, averaged over columns [n, projections].

    The classic statistic would also look at (i - 1)/n; the difference is at most 1/n.
    """
    n = len(projected)
    grid = torch.arange(1, n + 1, device=projected.device) / n
    ordered = projected.sort(dim=0).values
    return float((grid[:, None] - normal_cdf(ordered)).abs().amax(0).mean())


def _batched_derp(z: Tensor, probes: Tensor, batch: int) -> float:
    """Return the DERP term averaged over whole batches."""
    whole = z[: len(z) // batch * batch].split(batch)
    return float(torch.stack([derp_term(part, probes) for part in whole]).mean())


@torch.no_grad()
def _forward(vae: Vae, x: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return mean, log variance, sample, class logits, and reconstruction loss of each example."""
    zero = torch.zeros((), device=x.device)
    mean, log_variance = vae.encode(x, {}, zero)
    z = sample(mean, log_variance, epsilon)
    losses = _reconstruction_losses(vae.decoder(z, {}, zero), x)
    return mean, log_variance, z, vae.classifier(z, {}, zero), losses


def _reconstruction_losses(logits: Tensor, x: Tensor) -> Tensor:
    """Return the reconstruction loss of each example, [examples]."""
    each = torch.vmap(lambda logits, one: reconstruction_loss(logits[None], one[None]))
    return each(logits, x)


def _chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(tensor.split(CHUNK) for tensor in tensors), strict=True)
