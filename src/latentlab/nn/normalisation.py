"""Batch normalisation whose running statistics are part of a trial's state.

Ioffe & Szegedy 2015, "Batch normalization". Torch's own module writes its statistics in place: a
cohort would share them, and a step that diverged could not be undone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOMENTUM = 0.1
"""Weight of a batch in the running statistics, as in torch."""
EPSILON = 1e-5
"""Added to variances, as in torch."""


class BatchNorm(nn.Module):
    """Normalises each channel of [batch, channels, height, width].

    Args:
        name: of the entries `norm.<name>.mean` and `norm.<name>.variance` of the state.
        channels: how many.
    """

    def __init__(self, name: str, channels: int) -> None:
        super().__init__()
        self.mean, self.variance = f"norm.{name}.mean", f"norm.{name}.variance"
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def initial_state(self) -> dict[str, Tensor]:
        """Return running mean 0 and variance 1, [channels] each."""
        return {
            self.mean: torch.zeros_like(self.bias.detach()),
            self.variance: torch.ones_like(self.weight.detach()),
        }

    def forward(
        self, x: Tensor, state: dict[str, Tensor], training: bool, counted: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Normalise by the batch and tell the new running statistics, or by the running ones.

        Args:
            x: [batch, channels, height, width]; in training at least two numbers a channel.
            state: with the running statistics.
            training: by the batch.
            counted: the examples that are normalised by the batch, and that its statistics are
                of, 1 or 0, [batch]; none: all. In training the others come out as the bias, so
                that nothing large grows from them. Fewer than two numbers a channel leave the
                running statistics as they are.

        Returns:
            The normalised x, and the entries of the state that change: none unless in training.
        """
        mean, variance = state[self.mean], state[self.variance]
        if not training:
            slope = self.weight * (variance + EPSILON).rsqrt()
            return self._affine(x, self.bias - mean * slope, slope), {}
        positions = x.shape[2] * x.shape[3]
        if counted is None:
            numbers = torch.full_like(self.bias[0], x.shape[0] * positions)
            y, batch_mean, inverse_sd = torch.native_batch_norm(
                x, self.weight, self.bias, None, None, True, MOMENTUM, EPSILON
            )
            batch_variance = inverse_sd.pow(-2) - EPSILON
        else:
            numbers = counted.sum() * positions
            mask = counted[:, None, None, None]
            x = x.to(mask.dtype)
            total = (counted[:, None] * x.sum((2, 3))).sum(0)
            batch_mean = total / numbers.clamp(min=1)
            x = torch.addcmul(-batch_mean[:, None, None] * mask, x, mask)
            batch_variance = x.square().sum((0, 2, 3)) / numbers.clamp(min=1)
            y = self._affine(x, self.bias, self.weight * (batch_variance + EPSILON).rsqrt())
        with torch.no_grad():
            unbiased = batch_variance * (numbers / (numbers - 1).clamp(min=1))
            share = MOMENTUM * (numbers > 1).to(mean.dtype)
            changes = {
                self.mean: mean.lerp(batch_mean.detach(), share),
                self.variance: variance.lerp(unbiased, share),
            }
        return y, changes

    @staticmethod
    def _affine(x: Tensor, shift: Tensor, slope: Tensor) -> Tensor:
        return torch.addcmul(shift[:, None, None], x, slope[:, None, None])


def initial_statistics(module: nn.Module) -> dict[str, Tensor]:
    """Return the state with which all batch normalisation within a module begins."""
    norms = [part for part in module.modules() if isinstance(part, BatchNorm)]
    return {entry: value for norm in norms for entry, value in norm.initial_state().items()}
