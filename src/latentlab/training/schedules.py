"""Learning rates and warm-ups as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from latentlab.training.config import TrainingConfig


def linear_warmup(step: Tensor, length: Tensor) -> Tensor:
    """Return a factor that rises from 0 at step 0 to 1 at `length`; 1 where `length` is 0."""
    return torch.where(length > 0, step / length.clamp(min=1e-12), torch.ones_like(length)).clamp(
        max=1.0
    )


def learning_rates(
    config: TrainingConfig,
    hyper: Mapping[str, Tensor],
    steps: Tensor,
    steps_per_epoch: int,
    total_steps: int,
) -> Tensor:
    """Return learning rates before any plateau reduction.

    Args:
        config: names the schedule.
        hyper: per-trial numbers by dotted name, each [trials].
        steps: step numbers, [steps].
        steps_per_epoch: steps of one epoch.
        total_steps: steps of the whole training.

    Returns:
        [steps, trials]. Step 0 of a warm-up of length n has the factor 1 / n, so that no step is
        lost at a rate of 0.
    """
    step = steps[:, None]
    # Progress from 0 at the first step to 1 at the last.
    progress = step / max(total_steps - 1, 1)
    final = hyper["training.final_factor"]
    if config.schedule == "linear":
        factor = 1 + (final - 1) * progress
    elif config.schedule == "cosine":
        factor = final + (1 - final) * (1 + torch.cos(math.pi * progress)) / 2
    elif config.schedule == "step":
        epoch = torch.div(step, steps_per_epoch, rounding_mode="floor")
        reductions = torch.floor(epoch / hyper["training.step_epochs"])
        factor = hyper["training.reduction"] ** reductions
    else:
        factor = torch.ones_like(progress)
    share = hyper["training.warmup_fraction"] * total_steps
    length = torch.maximum(hyper["training.warmup_steps"], share)
    rise = linear_warmup(step + 1, length.expand(len(steps), -1))
    return hyper["training.learning_rate"] * factor * rise
