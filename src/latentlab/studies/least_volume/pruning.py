"""Which latent dimensions a pruning policy would give up, from how much each of them deviates.

Chen & Fuge 2024 give the idea of pruning during training. A policy looks at the dimensions `within`
its view only: by default those that are still active. All of one trial and without a branch on
data, so that trials with different policies train in one cohort; deviations and masks are [latent].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from latentlab.studies.least_volume.config import Policy

SMALLEST = 1e-12
"""Deviations below this count as this in a logarithm."""
MOST_VARIANCE = 0.999
"""The largest share of the variance that `pca_cdf` keeps, beside the first dimension."""


class Spectrum(NamedTuple):
    """What policies remember of the deviations, all scalars.

    Attributes:
        log_mean: mean of their logarithms.
        log_sd: unbiased standard deviation of their logarithms.
        variance: sum of their squares.
    """

    log_mean: Tensor
    log_sd: Tensor
    variance: Tensor


def spectrum(sd: Tensor, within: Tensor) -> Spectrum:
    """What policies remember of deviations sd [latent], of those within the bool mask [latent]."""
    count = within.sum()
    logs = torch.where(within, _log(sd), 0.0)
    mean = logs.sum() / count.clamp(min=1)
    squares = torch.where(within, logs - mean, 0.0).square().sum()
    variance = torch.where(within, sd, 0.0).square().sum()
    return Spectrum(mean, (squares / (count - 1).clamp(min=1)).sqrt(), variance)


def plummet(sd: Tensor, within: Tensor, threshold: Tensor, after_drop: Tensor) -> Tensor:
    """Dimensions far below the steepest drop of the sorted log-deviations, bool [latent].

    Args:
        sd: deviations, [latent].
        within: the dimensions looked at, bool [latent].
        threshold: a candidate deviates less than this share of the reference.
        after_drop: true for the deviation just after the drop as the reference, as in the guide's
            code: a flat floor is then never found. Else the one just before it.
    """
    # What is not looked at goes last.
    ordered = torch.where(within, sd, -1.0).sort(descending=True).values
    following = torch.cat([ordered[1:], ordered[-1:]])
    place = torch.arange(len(sd), device=sd.device)
    drops = torch.where(place + 1 < within.sum(), _log(ordered) - _log(following), -torch.inf)
    steepest = drops.argmax(keepdim=True)
    before, after = (side.take_along_dim(steepest, 0) for side in (ordered, following))
    return within & (sd < threshold * torch.where(after_drop, after, before))


def lognorm(
    sd: Tensor, within: Tensor, anchor: Spectrum, alpha: Tensor, percentile: Tensor
) -> Tensor:
    """Dimensions in the lower tail of a log-normal distribution of deviations, bool [latent].

    Args:
        sd: deviations, [latent].
        within: the dimensions looked at, bool [latent].
        anchor: of the epoch in which pruning begins.
        alpha: weight of the present mean and deviation of the logarithms against the anchor's.
        percentile: of the distribution, below which a dimension is a candidate.
    """
    now = spectrum(sd, within)
    mean = torch.lerp(anchor.log_mean, now.log_mean, alpha)
    spread = torch.lerp(anchor.log_sd, now.log_sd, alpha)
    cutoff = (mean + spread * torch.special.ndtri(percentile)).exp()
    return within & (sd < cutoff)


def pca_cdf(sd: Tensor, within: Tensor, anchor: Spectrum, variance_share: Tensor) -> Tensor:
    """Dimensions beyond the first that hold a share of the variance, bool [latent].

    Kept are the largest as long as their cumulative share of the present variance is at most
    `variance_share`, which shrinks with the total variance since the anchor. The first is always
    kept, and the one that would exceed the share is not.

    Args:
        sd: deviations, [latent].
        within: the dimensions looked at, bool [latent].
        anchor: of the epoch in which pruning begins.
        variance_share: of the variance that is kept, at the anchor.
    """
    ordered, order = torch.where(within, sd, 0.0).sort(descending=True, stable=True)
    cumulative = ordered.square().cumsum(0)
    total = cumulative[-1]
    bar = (variance_share * total / anchor.variance.clamp(min=SMALLEST)).clamp(max=MOST_VARIANCE)
    place = torch.arange(len(sd), device=sd.device)
    dropped = (cumulative > bar * total) & (place > 0)
    return within & dropped.take_along_dim(order.argsort(), 0)


def probabilistic(sd: Tensor, within: Tensor, temperature: Tensor, uniforms: Tensor) -> Tensor:
    """Dimensions drawn with probability sigmoid((1 - sd / largest) / temperature), bool [latent].

    Even the largest is drawn every other time.

    Args:
        sd: deviations, [latent].
        within: the dimensions looked at, bool [latent].
        temperature: larger is closer to a coin for every dimension.
        uniforms: draws from U[0, 1), [latent].
    """
    largest = torch.where(within, sd, 0.0).max().clamp(min=SMALLEST)
    return within & (uniforms < torch.sigmoid((1 - sd / largest) / temperature))


def candidates(
    sd: Tensor, within: Tensor, anchor: Spectrum, uniforms: Tensor, hyper: Mapping[str, Tensor]
) -> Tensor:
    """What the trial's own policy would prune, bool [latent]; `hyper` is as the loss gets it."""
    block = "objective.pruning."
    after_drop = hyper[block + "legacy.reference_after_drop"] > 0
    by_policy = {
        "none": torch.zeros_like(within),
        "plummet": plummet(sd, within, hyper[block + "threshold"], after_drop),
        "lognorm": lognorm(sd, within, anchor, hyper[block + "alpha"], hyper[block + "percentile"]),
        "pca_cdf": pca_cdf(sd, within, anchor, hyper[block + "variance_share"]),
        "probabilistic": probabilistic(sd, within, hyper[block + "temperature"], uniforms),
    }
    chosen = torch.zeros_like(within)
    for place, name in enumerate(get_args(Policy)):
        chosen = torch.where(hyper[block + "policy"] == place, by_policy[name], chosen)
    return chosen


def _log(sd: Tensor) -> Tensor:
    return sd.clamp(min=SMALLEST).log()
