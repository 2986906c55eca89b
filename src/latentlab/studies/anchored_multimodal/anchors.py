"""Class anchors: a Gaussian in the latent space for each class, its fit and its separation.

Latents are pulled to the anchor of their class by the Wasserstein distance between the anchor and
the class's latents of the batch, of both groups together. Anchors are kept apart by the head, which
has to name draws from them, or by a margin. All of one trial, and within `vmap`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from latentlab.studies.anchored_multimodal.wasserstein import (
    cholesky_squared_distance,
    diagonal_squared_distance,
    squared_distance,
)

FACTOR_NORMS = (1e-3, 10.0)
"""Least and largest Frobenius norm of the factor of an anchor's covariance."""
FEWEST = 2
"""Latents of a class below which a batch says nothing of its covariance."""
_TINY = 1e-30

Form = Literal["full", "diagonal", "cholesky"]


class Anchors(NamedTuple):
    """The Gaussians of all classes.

    Attributes:
        mean: [classes, latent].
        factor: of the covariance without its floor, [classes, latent, latent].
        covariance: factor factor^T + floor I, [classes, latent, latent].
    """

    mean: Tensor
    factor: Tensor
    covariance: Tensor


class Moments(NamedTuple):
    """Moments of each class's latents in a batch; those of a class without latents are 0.

    Attributes:
        counts: latents of each class, [classes].
        mean: [classes, latent].
        covariance: unbiased, [classes, latent, latent]; or, of diagonal moments, the variances
            [classes, latent]. 0 for a class of one latent.
    """

    counts: Tensor
    mean: Tensor
    covariance: Tensor


def anchors(means: Tensor, factors: Tensor, floor: Tensor) -> Anchors:
    """Anchors of a model's parameters.

    Args:
        means: [classes, latent].
        factors: [classes, latent, latent]; those whose Frobenius norm is not within
            `FACTOR_NORMS` are scaled to the nearer bound.
        floor: added to the diagonal of every covariance, > 0.
    """
    least, largest = FACTOR_NORMS
    norm = torch.linalg.matrix_norm(factors)[:, None, None]
    # Both quotients are 1 without a gradient for a norm within the bounds.
    shrink = largest / norm.clamp(min=largest)
    factors = factors * shrink * (least / norm.clamp(min=_TINY, max=least))
    return Anchors(means, factors, _floored(factors @ factors.mT, floor))


def class_moments(z: Tensor, labels: Tensor, classes: int, diagonal: bool = False) -> Moments:
    """Mean and covariance of each class's latents.

    Args:
        z: [batch, latent].
        labels: class numbers, [batch].
        classes: how many.
        diagonal: variances alone.
    """
    members = functional.one_hot(labels, classes).to(z.dtype)
    counts = members.sum(0)
    mean = members.mT @ z / counts.clamp(min=1)[:, None]
    centred = z - members @ mean
    if diagonal:
        products = members.mT @ centred.square()
    else:
        by_class = members[:, :, None] * centred[:, None, :]
        products = (by_class.flatten(1).mT @ centred).unflatten(0, (classes, -1))
    others = (counts - 1).clamp(min=1)
    return Moments(counts, mean, products / others.view(-1, *[1] * (products.ndim - 1)))


def fit(z: Tensor, labels: Tensor, anchored: Anchors, floor: Tensor, form: Form = "full") -> Tensor:
    """Mean squared distance of latents and anchors, over classes with at least two latents.

    Args:
        z: [batch, latent].
        labels: class numbers, [batch].
        anchored: the anchors.
        floor: added to the diagonal of the batch's covariances, as it is to the anchors'.
        form: W2^2, W2^2 of the variances alone, or the reported `cholesky`.

    Returns:
        Scalar; 0 where no class has two latents.
    """
    diagonal = form == "diagonal"
    counts, mean, covariance = class_moments(z, labels, len(anchored.mean), diagonal)
    if diagonal:
        variances = anchored.covariance.diagonal(dim1=-2, dim2=-1)
        squared = diagonal_squared_distance(anchored.mean, variances, mean, covariance + floor)
    else:
        given = (anchored.mean, anchored.covariance, mean, _floored(covariance, floor))
        full = form == "full"
        squared = squared_distance(*given, floor) if full else cholesky_squared_distance(*given)
    told = counts >= FEWEST
    return torch.where(told, squared, 0.0).sum() / told.sum().clamp(min=1)


def separation_by_head(
    anchored: Anchors, noise: Tensor, head: Callable[[Tensor], Tensor]
) -> Tensor:
    """Mean cross-entropy, nats, of the head where it names draws from the anchors.

    The draws are mean + factor noise: reparameterised (Kingma & Welling 2014), so the gradient
    reaches head and anchors.

    Args:
        anchored: the anchors.
        noise: N(0, 1), [classes, samples, latent].
        head: logits [n, classes] of latents [n, latent].
    """
    classes, samples, _ = noise.shape
    drawn = anchored.mean[:, None, :] + noise @ anchored.factor.mT
    labels = torch.arange(classes, device=noise.device).repeat_interleave(samples)
    return functional.cross_entropy(head(drawn.flatten(0, 1)).to(noise.dtype), labels)


def pair_distances(anchored: Anchors, floor: Tensor) -> Tensor:
    """W2^2 of each pair of anchors, [pairs], in the order of `torch.triu_indices(offset=1)`."""
    classes = len(anchored.mean)
    one, other = torch.triu_indices(classes, classes, 1, device=anchored.mean.device)
    return squared_distance(
        anchored.mean[one],
        anchored.covariance[one],
        anchored.mean[other],
        anchored.covariance[other],
        floor,
    )


def separation_by_margin(anchored: Anchors, floor: Tensor, margin: Tensor) -> Tensor:
    """Mean of max(0, margin - W2^2) over pairs of anchors; the margin bounds the SQUARED distance.

    It has no gradient where anchors are equal, as they all are at the start: it is the fit that
    first moves them apart.
    """
    return (margin - pair_distances(anchored, floor)).clamp(min=0).mean()


def _floored(covariance: Tensor, floor: Tensor) -> Tensor:
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + floor * identity
