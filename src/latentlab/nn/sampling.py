"""Draws through which a gradient reaches the parameters of what is drawn from."""

from __future__ import annotations

import torch
from torch import Tensor


def sample(mean: Tensor, log_variance: Tensor, epsilon: Tensor) -> Tensor:
    """Return a reparameterised draw from a Gaussian, [..., latent]; `epsilon` is N(0, 1)."""
    return mean + epsilon * torch.exp(0.5 * log_variance)
