"""Batch normalisation whose running statistics are part of a trial's state.

Ioffe & Szegedy 2015, "Batch normalization". Torch's own module writes its statistics in place: a
cohort would share them, and a step that diverged could not be undone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.training.contract import Tensors

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
        self._mean, self._variance = f"norm.{name}.mean", f"norm.{name}.variance"
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def initial_state(self) -> Tensors:
        """Running mean 0 and variance 1, [channels] each."""
        return {
            self._mean: torch.zeros_like(self.bias.detach()),
            self._variance: torch.ones_like(self.weight.detach()),
        }

    def forward(self, x: Tensor, state: Tensors, training: bool) -> tuple[Tensor, Tensors]:
        """Normalise by the batch and tell the new running statistics, or by the running ones.

        Args:
            x: [batch, channels, height, width]; in training at least two numbers a channel.
            state: with the running statistics.
            training: by the batch.

        Returns:
            The normalised x, and the entries of the state that change: none unless in training.
        """
        mean, variance = state[self._mean], state[self._variance]
        if not training:
            slope = self.weight * (variance + EPSILON).rsqrt()
            shift = self.bias - mean * slope
            return torch.addcmul(shift[:, None, None], x, slope[:, None, None]), {}
        y, batch_mean, inverse_sd = torch.native_batch_norm(
            x, self.weight, self.bias, None, None, True, MOMENTUM, EPSILON
        )
        with torch.no_grad():
            count = x.shape[0] * x.shape[2] * x.shape[3]
            unbiased = (inverse_sd.pow(-2) - EPSILON) * (count / (count - 1))
            changes = {
                self._mean: mean.lerp(batch_mean, MOMENTUM),
                self._variance: variance.lerp(unbiased, MOMENTUM),
            }
        return y, changes
