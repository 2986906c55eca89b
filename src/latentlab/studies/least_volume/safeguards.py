"""Limits to pruning, applied in this order around a policy.

Before it: the minimum of active dimensions, the epochs of rest after a prune, the reconstruction
error. After it: the epochs in a row that a dimension was a candidate, and the number of dimensions
in one epoch. Each is off at its default. All of one trial; masks are [latent].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_BLOCK = "objective.pruning.safeguards."


def permitted(
    active: Tensor,
    since_prune: Tensor,
    error: Tensor,
    lowest_error: Tensor,
    hyper: Mapping[str, Tensor],
) -> Tensor:
    """Whether this epoch may prune at all, a bool scalar.

    Args:
        active: bool [latent].
        since_prune: epochs between the last prune and this one.
        error: this epoch's reconstruction error on validation examples; NaN where none was taken,
            which permits.
        lowest_error: the lowest so far, this epoch's included.
        hyper: per-trial numbers as the loss gets them.
    """
    tolerance = hyper[_BLOCK + "reconstruction_tolerance"]
    enough = active.sum() > hyper[_BLOCK + "min_active"]
    rested = since_prune >= hyper[_BLOCK + "cooldown_epochs"]
    too_bad = (tolerance > 0) & (error > (1 + tolerance) * lowest_error)
    return enough & rested & ~too_bad


def counted(waiting: Tensor, candidates: Tensor, looked: Tensor) -> Tensor:
    """Epochs in a row that each dimension has been a candidate, [latent].

    Args:
        waiting: the same before this epoch, [latent].
        candidates: of this epoch, bool [latent].
        looked: whether the policy was asked, a bool scalar; an epoch without is not counted.
    """
    return torch.where(looked, torch.where(candidates, waiting + 1, 0.0), waiting)


def limited(chosen: Tensor, sd: Tensor, active: Tensor, hyper: Mapping[str, Tensor]) -> Tensor:
    """The chosen dimensions of smallest deviation, as many as an epoch may prune, bool [latent].

    Args:
        chosen: active dimensions, bool [latent].
        sd: deviations, [latent].
        active: bool [latent].
        hyper: per-trial numbers as the loss gets them. With `min_active` 0 all may go.
    """
    most = hyper[_BLOCK + "max_per_epoch"]
    spare = active.sum() - hyper[_BLOCK + "min_active"]
    limit = torch.where(most > 0, torch.minimum(most, spare), spare)
    order = torch.where(chosen, sd, torch.inf).argsort(stable=True)
    return chosen & (order.argsort() < limit)
