"""The loss: a variational bound with its Monte Carlo part, two entropies, conjugation penalty.

    loss = -E_q[log p(x|z)] + beta KL(q || p) - w_prior H[p(k)] - w_post H[mean q(k|x)]
           + beta w_conj Var_p[f]

averaged over a batch, with z = (y, k). Everything but E_q[psi_X] is in closed form. Its gradient
is the gradient at fixed samples plus the score-function term (Williams 1992), since nothing can be
differentiated through discrete samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from latentlab.studies.mixture_harmonium.families import (
    BernoulliMixture,
    Latent,
    binomial_log_base_measure,
)
from latentlab.studies.mixture_harmonium.likelihood import Interaction, Likelihood


class Bound(NamedTuple):
    """The exact parts of the variational bound, in nats, [images] each.

    Attributes:
        linear: E_q[x . theta_X(y, k)] plus the log base measure: E_q[log p(x|z)] but for psi_X.
        kl: KL(q(y, k | x) || p(y, k)), joint in latents and category.
    """

    linear: Tensor
    kl: Tensor


def exact_bound(
    x: Tensor,
    prior: BernoulliMixture,
    posterior: BernoulliMixture,
    likelihood: Likelihood,
    interaction: Interaction,
    rho: Tensor,
) -> Bound:
    """The parts of the bound in closed form.

    KL between two members of an exponential family is the mean under q of the statistics times the
    difference of the natural parameters, less the difference of the log-partition functions. Here
    that difference is what the image says, less rho for y, so that its mean is at hand.

    Args:
        x: counts [images, pixels].
        prior: p(y, k).
        posterior: q(y, k | x).
        likelihood: p(x | y, k).
        interaction: what the images say about the latents.
        rho: conjugation parameters, [latent].
    """
    said = posterior.expectation(*interaction)
    kl = said - (posterior.mean * rho).sum(-1) - posterior.log_partition + prior.log_partition
    return Bound((x * likelihood.base).sum(-1) + said + binomial_log_base_measure(x), kl)


class Sampled(NamedTuple):
    """Samples of a step with their log-partitions psi_X.

    Attributes:
        posterior: samples of q(y, k | x), [images, samples].
        prior: samples of p(y, k), [prior samples].
        of_posterior: psi_X at the samples of the posterior, [images, samples].
        of_prior: psi_X at the samples of the prior, [prior samples].
    """

    posterior: Latent
    prior: Latent
    of_posterior: Tensor
    of_prior: Tensor


def sampled_log_partitions(
    prior: BernoulliMixture,
    posterior: BernoulliMixture,
    likelihood: Likelihood,
    noise: Mapping[str, Tensor],
) -> Sampled:
    """Draw from posterior and prior and decode all samples together.

    One decoding costs less than two: products of small matrices cost by their number.

    Args:
        prior: p(y, k).
        posterior: q(y, k | x).
        likelihood: p(x | y, k).
        noise: U[0, 1), `posterior_component` [images, samples], `posterior_latent` with [latent]
            more, `prior_component` [prior samples] and `prior_latent`.
    """
    drawn = posterior.sample(noise["posterior_component"], noise["posterior_latent"])
    imagined = prior.sample(noise["prior_component"], noise["prior_latent"])
    everything = Latent(
        torch.cat([drawn.y.flatten(0, 1), imagined.y]), torch.cat([drawn.k.flatten(), imagined.k])
    )
    of_posterior, of_prior = likelihood.log_partition(everything).split(
        [drawn.k.numel(), imagined.k.numel()]
    )
    return Sampled(drawn, imagined, of_posterior.view(drawn.k.shape), of_prior)


def score_function_surrogate(values: Tensor, log_density: Tensor, corrected: bool) -> Tensor:
    """A number whose gradient is that of E_q[v] through the distribution of the samples.

    Every sample's value is compared with the mean over the samples of its image. That baseline
    holds the sample itself, which makes the gradient short by the factor (S - 1) / S.

    Args:
        values: v at samples of q, [images, samples].
        log_density: their log q, [images, samples], through which the gradient flows.
        corrected: make up for that factor; the gradient is then unbiased.

    Returns:
        Mean over images and samples; the number itself is noise of mean 0 and not to be reported.
    """
    advantage = (values - values.mean(-1, keepdim=True)).detach()
    surrogate = (advantage * log_density).mean()
    samples = values.shape[-1]
    return surrogate * (samples / (samples - 1)) if corrected else surrogate


def without_value(surrogate: Tensor) -> Tensor:
    """0, with the gradient of the surrogate."""
    return surrogate - surrogate.detach()
