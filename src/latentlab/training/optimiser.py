"""Adam, AdamW and SGD for many trials at once, each with its own rate, decay and clipping.

Two forms of the same update: on a CPU torch's fused kernel, called once per trial on slices of the
weight matrix; elsewhere plain tensor operations on the whole matrix. Both are tested against
`torch.optim`. Kingma & Ba 2015 (Adam); Loshchilov & Hutter 2019 (AdamW).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from latentlab.training.config import TrainingConfig
from latentlab.training.parameters import ParameterLayout

BETAS = (0.9, 0.999)
EPSILON = 1e-8
SMALL_ROW = 1 << 17
"""Rows of up to this many numbers are updated in one piece: copying their gradients together costs
less than calling the kernel for every parameter."""
CLIP_GUARD = 1e-6
"""Added to the norm before it divides, as torch.nn.utils.clip_grad_norm_ does."""


class Update(NamedTuple):
    """The numbers of one step, each [trials] but for the last two.

    Attributes:
        rate: learning rate.
        decay: weight decay.
        momentum: SGD's momentum.
        shrink: what gradients are divided by, at least 1; clipping.
        active: trials that are updated; the others keep weights and moments.
        number: of this update, from 1, scalar float; the active trials had all before it.
        corrections: what `corrections` gives for this number, [2].
    """

    rate: Tensor
    decay: Tensor
    momentum: Tensor
    shrink: Tensor
    active: Tensor
    number: Tensor
    corrections: Tensor


def gradient_norms(gradients: Sequence[Tensor]) -> Tensor:
    """Return Euclidean norms over all parameters, [trials], of gradients [trials, *shape]."""
    squares = [torch.linalg.vecdot(g.flatten(1), g.flatten(1)) for g in gradients]
    # Summed along the last axis: along the first, the order of the additions (and so the last bit)
    # would depend on how many trials there are.
    return torch.stack(squares, dim=1).sum(1).sqrt()


def corrections(numbers: Tensor) -> Tensor:
    """Return 1 - beta^number for both of `BETAS`, [..., 2], to float32's last digits.

    They correct the running averages' start at 0. A step is given them: a compiled one that worked
    them out itself would do so again for every few numbers that it updates.
    """
    return torch.stack([-torch.expm1(numbers * math.log(beta)) for beta in BETAS], dim=-1)


def clip_divisor(norms: Tensor, largest: Tensor) -> Tensor:
    """Return what gradients of these norms are divided by to stay below `largest` (0: no bound)."""
    bounded = ((norms + CLIP_GUARD) / largest.clamp(min=1e-30)).clamp(min=1.0)
    return torch.where(largest > 0, bounded, torch.ones_like(norms))


def moment_names(config: TrainingConfig) -> tuple[str, ...]:
    """Return the running averages an optimiser keeps beside the weights."""
    return ("momentum",) if config.optimiser == "sgd" else ("first", "second")


class Optimiser:
    """Updates a weight matrix and its moments in place.

    Args:
        config: names the rule.
        layout: where the parameters lie.
        multipliers: multiplier of rate and of decay, by prefix of a parameter's name.
        device: where weights and gradients lie.
        fused: use torch's fused CPU kernel, trial by trial, in `step`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        layout: ParameterLayout,
        multipliers: Mapping[str, tuple[float, float]],
        device: torch.device,
        fused: bool,
    ) -> None:
        self._rule = config.optimiser
        self._moment_names = moment_names(config)
        self._layout = layout
        self._fused = fused
        self._groups: dict[tuple[float, float], list[int]] = {}
        for index, name in enumerate(layout.names):
            factors = [pair for prefix, pair in multipliers.items() if name.startswith(prefix)]
            self._groups.setdefault(factors[0] if factors else (1.0, 1.0), []).append(index)
        self._rate_factors = self._factors(0, device)
        self._decay_factors = self._factors(1, device)
        self._whole = fused and len(self._groups) == 1 and layout.size <= SMALL_ROW
        self._bounds: Sequence[tuple[int, int]] = layout.bounds
        if self._whole:
            self._groups = {next(iter(self._groups)): [0]}
            self._bounds = [(0, layout.size)]
        self._slices: list[list[list[Tensor]]] | None = None

    def forget_slices(self) -> None:
        """Call after the matrices were replaced (compaction, resume): views are made anew."""
        self._slices = None

    def gathered(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return gradients [trials, *shape] as `step` wants them: small rows in one piece."""
        if not self._whole:
            return gradients
        return [torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)]

    def step(
        self,
        weights: Tensor,
        moments: Mapping[str, Tensor],
        gradients: Sequence[Tensor],
        update: Update,
    ) -> None:
        """Apply one update in place.

        Args:
            weights: [trials, numbers].
            moments: running averages by name, each [trials, numbers].
            gradients: from `gathered`.
            update: this step's numbers.
        """
        if self._fused:
            self._step_fused(weights, moments, gradients, update)
        else:
            whole = torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)
            self.step_matrix(weights, moments, whole, update)

    def _step_fused(
        self,
        weights: Tensor,
        moments: Mapping[str, Tensor],
        gradients: Sequence[Tensor],
        update: Update,
    ) -> None:
        if len(gradients) != len(self._bounds):
            # The kernel trusts lengths too, and would read beyond the end of a gradient.
            raise ValueError("gradients must come from `gathered`")
        if self._slices is None:
            self._slices = [
                [
                    [matrix[trial, start:end] for start, end in self._bounds]
                    for trial in range(len(weights))
                ]
                # By name: a checkpoint gives them back in any order.
                for matrix in (weights, *(moments[name] for name in self._moment_names))
            ]
        # The kernel ignores strides: a transposed gradient would train wrongly in silence.
        rows = [g.contiguous().view(len(weights), -1).unbind(0) for g in gradients]
        rates, decays, momenta = (x.tolist() for x in (update.rate, update.decay, update.momentum))
        shrinks = update.shrink.unbind(0)
        for trial, active in enumerate(update.active.tolist()):
            if not active:
                continue
            for (rate_factor, decay_factor), indices in self._groups.items():
                lists = [[matrix[trial][i] for i in indices] for matrix in self._slices]
                grads = [rows[i][trial] for i in indices]
                rate, decay = rates[trial] * rate_factor, decays[trial] * decay_factor
                if self._rule == "sgd":
                    # A new momentum buffer is 0, so the first step needs no case of its own.
                    torch._fused_sgd_(
                        lists[0],
                        grads,
                        lists[1] if momenta[trial] else [],
                        weight_decay=decay,
                        momentum=momenta[trial],
                        lr=rate,
                        dampening=0.0,
                        nesterov=False,
                        maximize=False,
                        is_first_step=False,
                        grad_scale=shrinks[trial],
                    )
                else:
                    kernel = torch._fused_adamw_ if self._rule == "adamw" else torch._fused_adam_
                    kernel(
                        lists[0],
                        grads,
                        lists[1],
                        lists[2],
                        [],
                        [update.number] * len(indices),
                        lr=rate,
                        beta1=BETAS[0],
                        beta2=BETAS[1],
                        weight_decay=decay,
                        eps=EPSILON,
                        amsgrad=False,
                        maximize=False,
                        grad_scale=shrinks[trial],
                    )

    def step_matrix(
        self,
        weights: Tensor,
        moments: Mapping[str, Tensor],
        gradient: Tensor,
        update: Update,
    ) -> None:
        """Apply the same update by operations on whole matrices; `gradient`: [trials, numbers]."""
        gradient = gradient / update.shrink[:, None]
        rate = update.rate[:, None] * self._rate_factors
        decay = update.decay[:, None] * self._decay_factors
        active = update.active[:, None]
        if self._rule != "adamw":
            gradient = gradient + decay * weights
        if self._rule == "sgd":
            momentum = moments["momentum"] * update.momentum[:, None] + gradient
            change = rate * momentum
            new = {"momentum": momentum}
        else:
            correct = update.corrections
            first = torch.lerp(moments["first"], gradient, 1 - BETAS[0])
            second = moments["second"] * BETAS[1] + gradient * gradient * (1 - BETAS[1])
            unbiased = (second / correct[1]).sqrt() + EPSILON
            change = rate / correct[0] * first / unbiased
            if self._rule == "adamw":
                change = change + rate * decay * weights
            new = {"first": first, "second": second}
        weights.copy_(torch.where(active, weights - change, weights))
        for name, value in new.items():
            moments[name].copy_(torch.where(active, value, moments[name]))

    def _factors(self, which: int, device: torch.device) -> Tensor | float:
        """Multipliers per number of a row, [numbers]; 1 where all parameters are alike."""
        if set(self._groups) == {(1.0, 1.0)}:
            return 1.0
        factors = torch.ones(self._layout.size)
        for pair, indices in self._groups.items():
            for index in indices:
                start, end = self._layout.bounds[index]
                factors[start:end] = pair[which]
        return factors.to(device)


def fused_kernels_work(device: torch.device) -> bool:
    """Return whether torch's fused kernels, which are private, can be called here."""
    if device.type != "cpu":
        return False
    try:
        ones = [torch.ones(2) for _ in range(5)]
        torch._fused_adam_(
            [ones[0]],
            [ones[1]],
            [ones[2]],
            [ones[3]],
            [],
            [ones[4][0]],
            lr=0.1,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            grad_scale=torch.tensor(1.0),
        )
    except (AttributeError, TypeError, RuntimeError):
        return False
    return True
