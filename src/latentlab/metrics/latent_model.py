"""A trained latent-variable model as its metrics see it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class LatentVariableModel(Protocol):
    """A model p(x, z) = p(z) p(x|z) with a Gaussian posterior q(z|x) of independent units.

    All draws are the caller's: nothing here is random, and no gradient is needed.
    """

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x), each [examples, latent]."""

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean of p(x|z), [examples, channels, height, width]."""

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z) of each pair, nats, [examples]."""

    def log_prior(self, z: Tensor) -> Tensor:
        """Return log p(z), nats, [examples]."""
