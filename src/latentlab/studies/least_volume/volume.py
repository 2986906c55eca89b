"""The volume of a latent space: the geometric mean of what its dimensions deviate in a batch.

Chen & Fuge 2024, "Compressing latent space via least volume". Dimensions that were pruned have no
part in it. All of one trial; deviations, means and masks are [latent].
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.training.schedules import linear_warmup

REFERENCE_RATE = 0.1
"""Weight of the newest batch in the reference deviations while they follow."""


def masked(z: Tensor, active: Tensor, frozen: Tensor) -> Tensor:
    """Latents [batch, latent] with those that were pruned at the values they were frozen at."""
    return torch.where(active > 0, z, frozen)


def deviations(z: Tensor) -> Tensor:
    """Standard deviation of each dimension of z [batch, latent], unbiased, [latent].

    It is 0 where a dimension does not vary, and has the gradient 0 there; so too for a batch of
    one.
    """
    variance = (z - z.mean(0)).square().sum(0) / max(len(z) - 1, 1)
    # Twice: a root's gradient at 0 is infinite, and a single choice would multiply it by 0.
    varies = variance > 0
    return torch.where(varies, torch.where(varies, variance, 1.0).sqrt(), 0.0)


def log_volume(sd: Tensor, active: Tensor, eta: Tensor) -> Tensor:
    """Mean of log(sd + eta) over active dimensions, a scalar; 0 where none is active."""
    logs = torch.where(active > 0, (sd + eta).log(), 0.0)
    return logs.sum() / active.sum().clamp(min=1)


def relative_volume(sd: Tensor, reference: Tensor, active: Tensor, eta: Tensor) -> Tensor:
    """Volume over that of reference deviations, times the share of active dimensions; a scalar.

    It is 1 before any pruning where the deviations are the reference, and 0 with the gradient 0
    where no dimension is active. Since the reference is set anew at a prune, it jumps there to the
    share that is left.
    """
    ratio = log_volume(sd, active, eta) - log_volume(reference, active, eta)
    return active.mean() * ratio.exp()


def followed(
    reference: Tensor, sd: Tensor, due: Tensor, epoch: Tensor, reference_epochs: Tensor
) -> Tensor:
    """The reference deviations of this batch, [latent].

    Args:
        reference: those before it, [latent].
        sd: the batch's deviations, [latent].
        due: 1 where these are to be the reference, else 0.
        epoch: epochs done.
        reference_epochs: during which the reference follows the batches.
    """
    rate = torch.where(epoch < reference_epochs, REFERENCE_RATE, 0.0)
    return torch.lerp(reference, sd, torch.where(due > 0, 1.0, rate))


def ramp(epoch: Tensor, length: Tensor, power: Tensor) -> Tensor:
    """The share of its weight that the volume has: (epoch / length)^power, 1 from `length` on."""
    return linear_warmup(epoch, length) ** power
