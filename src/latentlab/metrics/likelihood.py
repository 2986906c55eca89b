"""How probable a latent-variable model finds examples: bounds on log p(x), and estimates of it.

All rest on log weights log p(x, z) - log q(z|x) of samples z of the posterior: the mean of an
example's is its ELBO, the log of their mean weight a tighter bound (Burda et al. 2016), and weights
that are gathered over many temperatures (Neal 2001) come near log p(x) itself (Wu et al. 2017).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentlab.metrics.latent_model import LatentVariableModel

PAIRS = 4096
"""Pairs of example and sample that are decoded at once."""
SCALES = (0.3, 3.0)
"""Least and largest width of a Metropolis proposal, in q(z|x)'s own over sqrt(latent)."""


class ElboParts(NamedTuple):
    """An ELBO is `-(reconstruction + divergence)`, by example, nats, [examples]."""

    reconstruction: Tensor
    """-log p(x|z)."""
    divergence: Tensor
    """log q(z|x) - log p(z), whose mean over z is KL(q(z|x) || p(z)): for any prior."""


@torch.no_grad()
def elbo_parts(model: LatentVariableModel, x: Tensor, noise: Tensor) -> ElboParts:
    """Return what one posterior sample of each example says (Kingma & Welling 2014).

    Args:
        model: the model.
        x: [examples, ...].
        noise: N(0, 1), [examples, latent].
    """
    parts = [_parts(model, *each) for each in zip(x.split(PAIRS), noise.split(PAIRS), strict=True)]
    return ElboParts(*(torch.cat(each) for each in zip(*parts, strict=True)))


@torch.no_grad()
def log_weights(
    model: LatentVariableModel,
    x: Tensor,
    samples: int,
    rng: np.random.Generator,
    temperatures: int = 1,
) -> Tensor:
    """Return log weights whose exponentials have mean p(x), nats, [examples, samples].

    With one temperature these are importance weights of posterior samples. With more, each sample
    goes from q(z|x) to p(z|x) through q(z|x)^(1 - t) p(x, z)^t by a Metropolis step a temperature
    (annealed importance sampling; Neal 2001). The mean weight is unbiased with any number of them.

    Args:
        model: the model.
        x: [examples, ...].
        samples: independent samples of each example.
        rng: what draws.
        temperatures: at least 1; each decodes every sample once.
    """
    mean, log_variance = (
        torch.cat(part)
        for part in zip(*(model.encode(each) for each in x.split(PAIRS)), strict=True)
    )
    pairs = torch.arange(len(x), device=x.device).repeat_interleave(samples)
    weights = [
        _annealed(model, x[rows], mean[rows], log_variance[rows], rng, temperatures)
        for rows in pairs.split(PAIRS)
    ]
    return torch.cat(weights).reshape(len(x), samples)


def importance_bound(weights: Tensor) -> Tensor:
    """Return the log of the mean weight of each row of `log_weights`, nats, [examples].

    A lower bound of log p(x) in expectation, which rises with the samples (Burda et al. 2016).
    """
    return torch.logsumexp(weights, dim=1) - math.log(weights.shape[1])


def bound_error(weights: Tensor) -> Tensor:
    """Return the standard error of `importance_bound`, nats, [examples].

    By the delta method, from two samples on. Too small where few weights carry the mean, as they do
    where q(z|x) is much narrower than p(z|x).
    """
    relative = (weights - weights.amax(1, keepdim=True)).exp()
    return relative.std(1) / relative.mean(1) / math.sqrt(weights.shape[1])


def _parts(model: LatentVariableModel, x: Tensor, noise: Tensor) -> ElboParts:
    mean, log_variance = model.encode(x)
    z = mean + (0.5 * log_variance).exp() * noise
    return ElboParts(
        -model.log_likelihood(x, z), _log_density(z, mean, log_variance) - model.log_prior(z)
    )


def _annealed(
    model: LatentVariableModel,
    x: Tensor,
    mean: Tensor,
    log_variance: Tensor,
    rng: np.random.Generator,
    temperatures: int,
) -> Tensor:
    """Return the log weight of one sample of each row, [rows]."""
    width = (0.5 * log_variance).exp()
    least, most = map(math.log, SCALES)

    def normal() -> Tensor:
        return torch.from_numpy(rng.standard_normal(mean.shape)).to(mean)

    def logs(z: Tensor) -> tuple[Tensor, Tensor]:
        """Return log q(z|x), and log p(x, z) - log q(z|x)."""
        start = _log_density(z, mean, log_variance)
        return start, model.log_likelihood(x, z) + model.log_prior(z) - start

    z = mean + width * normal()
    start, gain = logs(z)
    weight = gain / temperatures
    for step in range(1, temperatures):
        # Widths of several sizes: the posterior's own may be far from that of p(z|x).
        scale = torch.from_numpy(np.exp(rng.uniform(least, most, (len(z), 1)))).to(z)
        proposed = z + scale / math.sqrt(z.shape[1]) * width * normal()
        its_start, its_gain = logs(proposed)
        ratio = its_start - start + step / temperatures * (its_gain - gain)
        taken = torch.from_numpy(rng.exponential(size=len(z))).to(z) > -ratio
        z = torch.where(taken[:, None], proposed, z)
        start, gain = torch.where(taken, its_start, start), torch.where(taken, its_gain, gain)
        weight = weight + gain / temperatures
    return weight


def _log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z; mean, variance) summed over units, nats, [examples]."""
    scaled = (z - mean).square() * (-log_variance).exp()
    return -0.5 * (scaled + log_variance + math.log(2 * math.pi)).sum(1)
