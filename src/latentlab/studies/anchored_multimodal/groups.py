"""The cross-entropies of the groups, what is minimised of them, and the weights q that follow them.

Sagawa et al. 2020, "Distributionally robust neural networks for group shifts": a model that
minimises the largest of the groups' losses is found by descending on sum_g q_g CE_g while q ascends
on it. Choices arrive as numbers, the places in the config's `Literal`s, so that trials with
different ones train in one cohort. All of one trial, and within `vmap`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

PLAIN, WEIGHTED, MAX, LOGSUMEXP = range(4)
"""Objectives."""
EXP, SOFTMAX, EXP_SMOOTH = range(3)
"""Updates of q."""

LEAST_WEIGHT = 1e-30
"""A weight that underflows counts as this much: no factor could raise it from 0."""
_LEAST_ETA = 1e-12
_PREFIX = "objective.groups."


class GroupLosses(NamedTuple):
    """Cross-entropies of a batch's groups.

    Attributes:
        mean: of the whole batch, scalar, nats.
        each: mean of each group, 0 where it is absent, [groups].
        present: whether the batch has examples of it, [groups].
    """

    mean: Tensor
    each: Tensor
    present: Tensor

    @property
    def worst(self) -> Tensor:
        """The largest mean of the groups that are present; ties share the gradient."""
        return torch.where(self.present, self.each, -torch.inf).amax(0)


def group_losses(losses: Tensor, members: Tensor) -> GroupLosses:
    """Means of losses [batch] over the groups of members, one-hot [batch, groups]."""
    count = members.sum(0)
    sums = (losses[:, None] * members).sum(0)
    return GroupLosses(losses.mean(), sums / count.clamp(min=1), count > 0)


def soft_maximum(losses: GroupLosses, eta: Tensor) -> Tensor:
    """(1 / eta) log mean_g exp(eta CE_g) over the groups that are present.

    From their mean at eta = 0 to the largest at infinity. The sum that the literature has in place
    of the mean only adds log(groups) / eta, 69 nats for two groups at eta = .01.
    """
    eta = eta.clamp(min=_LEAST_ETA)
    # The value is the same for every `worst`, so that it needs no gradient.
    worst = losses.worst.detach()
    excess = torch.where(losses.present, torch.expm1(eta * (losses.each - worst)), 0.0)
    return worst + torch.log1p(excess.sum() / losses.present.sum()) / eta


def group_objective(losses: GroupLosses, q: Tensor, hyper: Mapping[str, Tensor]) -> Tensor:
    """The classification loss of a batch, scalar.

    Args:
        losses: of its groups; an absent one adds nothing.
        q: weights that sum to 1, [groups].
        hyper: with the numbers of `objective.groups` and `objective.legacy`.
    """
    objective = hyper[_PREFIX + "objective"]
    worst = losses.worst
    detached = hyper["objective.legacy.detached_max"] > 0
    worst = torch.where(detached, worst.detach(), worst)
    soft = soft_maximum(losses, hyper[_PREFIX + "eta"])
    weighted = (q * losses.each).sum()
    chosen = torch.where(objective == WEIGHTED, weighted, losses.mean)
    chosen = torch.where(objective == MAX, worst, chosen)
    return torch.where(objective == LOGSUMEXP, soft, chosen)


def start(shares: Tensor, hyper: Mapping[str, Tensor]) -> Tensor:
    """Where q starts, [groups]: alike, or at the groups' shares of the examples."""
    uniform = torch.full_like(shares, 1 / len(shares))
    return torch.where(hyper[_PREFIX + "start"] > 0, shares, uniform)


def waits(epoch: Tensor, hyper: Mapping[str, Tensor]) -> Tensor:
    """Whether q stays where it starts in this epoch, counted from 0.

    A start at the groups' shares takes the first epoch, in which they are counted.
    """
    counting = hyper[_PREFIX + "start"]
    return epoch < torch.maximum(hyper[_PREFIX + "warmup_epochs"], counting)


def updated(q: Tensor, losses: GroupLosses, shares: Tensor, hyper: Mapping[str, Tensor]) -> Tensor:
    """The weights q after one step, [groups]; they carry no gradient.

    `exp` multiplies by exp(eta CE_g). `softmax` forgets q. `exp_smooth` goes the share gamma of the
    way that `exp` would go: gamma = 1 is `exp`, and smaller ones smooth MORE. A group that is
    absent keeps its weight, but for the normalisation. Nothing moves where eta is 0, or where the
    objective has no use for q.

    Args:
        q: weights that sum to 1, [groups].
        losses: of the batch.
        shares: of the groups among the examples, to which `pull` pulls, [groups].
        hyper: with the numbers of `objective.groups`.
    """
    update, eta, gamma, pull = (
        hyper[_PREFIX + name] for name in ("update", "eta", "gamma", "pull")
    )
    advantage = eta * losses.each.detach()
    product = functional.softmax(_log(q) + advantage, 0)
    # What absent groups do not hold is shared out among those present.
    held = torch.where(losses.present, 0.0, q)
    among = functional.softmax(torch.where(losses.present, advantage, -torch.inf), 0)
    fresh = held + (1 - held.sum()) * among
    target = pulled(torch.where(update == SOFTMAX, fresh, product), shares, eta * pull)
    moved = torch.where(update == EXP_SMOOTH, torch.lerp(q, target, gamma), target)
    moves = (eta > 0) & (hyper[_PREFIX + "objective"] == WEIGHTED)
    return torch.where(moves, moved, q)


def pulled(q: Tensor, shares: Tensor, strength: Tensor) -> Tensor:
    """The p of least KL(p || q) + strength KL(p || shares), [groups].

    It is the geometric mean of both with the weights 1 and `strength`, normalised. With strength =
    eta pull after each step of `exp`, q ascends on sum_g q_g CE_g - pull KL(q || shares) by the
    proximal rule, whose rest is at shares_g exp(CE_g / pull), whatever eta is.
    """
    logs = (_log(q) + strength * _log(shares)) / (1 + strength)
    return torch.where(strength > 0, functional.softmax(logs, 0), q)


def _log(weights: Tensor) -> Tensor:
    return weights.clamp(min=LEAST_WEIGHT).log()
