"""What an epoch's score changes: the plateau's learning rate, early stopping, the best weights.

All of it is per-trial state of shape [trials], updated by one pure function. The plateau rule is
that of torch's ReduceLROnPlateau (mode min, relative threshold 1e-4, no cooldown, eps 0). Early
stopping and the best weights go by the lowest score itself: an epoch that is better by less than
the plateau's threshold is better all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from latentlab.training.config import TrainingConfig

RELATIVE_IMPROVEMENT = 1e-4


def initial_watch(trials: int, device: torch.device) -> dict[str, Tensor]:
    """Return the state before the first epoch, each [trials].

    `best` is the lowest score so far, `best_epoch` when it was reached, `waited` the epochs since.
    `plateau_best` and `bad_epochs` are the plateau's own best and count, which starts anew after a
    reduction, and `factor` is what it multiplies the learning rate by.
    """
    zeros = torch.zeros(trials, device=device)
    return {
        "best": torch.full_like(zeros, torch.inf),
        "best_epoch": zeros - 1,
        "waited": zeros.clone(),
        "plateau_best": torch.full_like(zeros, torch.inf),
        "bad_epochs": zeros.clone(),
        "factor": zeros + 1,
    }


def watched(
    watch: Mapping[str, Tensor],
    score: Tensor,
    epoch: int,
    config: TrainingConfig,
    hyper: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Return the state after an epoch.

    Args:
        watch: the state before.
        score: what `config.monitor` names, [trials]; lower is better.
        epoch: number of the epoch, from 0.
        config: says which of the three mechanisms are on.
        hyper: per-trial numbers by dotted name, each [trials].

    Returns:
        The new state; which trials improved and which ones stop here, bool [trials].
    """
    improved = score < watch["best"]
    waited = torch.where(improved, 0.0, watch["waited"] + 1)
    clearly = score < watch["plateau_best"] * (1 - RELATIVE_IMPROVEMENT)
    bad = torch.where(clearly, 0.0, watch["bad_epochs"] + 1)
    reduce = bad > hyper["training.plateau_patience"]
    factor = watch["factor"]
    if config.schedule == "plateau":
        factor = torch.where(reduce, factor * hyper["training.reduction"], factor)
    new = {
        "best": torch.where(improved, score, watch["best"]),
        "best_epoch": torch.where(improved, float(epoch), watch["best_epoch"]),
        "waited": waited,
        "plateau_best": torch.where(clearly, score, watch["plateau_best"]),
        "bad_epochs": torch.where(reduce, 0.0, bad),
        "factor": factor,
    }
    patience = hyper["training.stop_patience"]
    return new, improved, (patience > 0) & (waited >= patience)
