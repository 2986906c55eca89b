"""Building blocks that work in a cohort: initialised from a numpy stream, no state of their own.

Weights of dense layers are stored [inputs, outputs]: the gradient of `x @ W` is then contiguous
under `vmap`, where that of `F.linear` is a transposed view that the optimiser would have to copy.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def uniform(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> Tensor:
    """Draw from U(-1/sqrt(inputs), 1/sqrt(inputs)), as torch does for its own layers."""
    bound = inputs**-0.5
    return torch.from_numpy(rng.uniform(-bound, bound, shape).astype(np.float32))


NARROW = 16
"""Outputs below which a product is taken transposed.

Matrix products of a CPU run along the rows of what they write: with rows shorter than a vector
register they reach a fifth of their speed (10 against 50 GFLOP/s at 8 outputs).
"""


class Dense(nn.Module):
    """An affine map of the last axis: `x @ weight + bias`."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(uniform(rng, (inputs, outputs), inputs))
        self.bias = nn.Parameter(uniform(rng, (outputs,), inputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., inputs] to [..., outputs]."""
        if x.ndim == 2 and self.weight.shape[1] < NARROW:
            return torch.addmm(self.bias[:, None], self.weight.T, x.T).T
        return (
            torch.addmm(self.bias, x, self.weight) if x.ndim == 2 else x @ self.weight + self.bias
        )


class Convolution(nn.Module):
    """A 4x4 convolution that halves height and width, or its transpose that doubles them."""

    def __init__(
        self, inputs: int, outputs: int, rng: np.random.Generator, transposed: bool = False
    ) -> None:
        super().__init__()
        self.transposed = transposed
        shape = (inputs, outputs, 4, 4) if transposed else (outputs, inputs, 4, 4)
        self.weight = nn.Parameter(uniform(rng, shape, inputs * 16))
        self.bias = nn.Parameter(uniform(rng, (outputs,), inputs * 16))

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, inputs, h, w] to [batch, outputs, h / 2, w / 2], or to 2h and 2w."""
        if self.transposed:
            return functional.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1)
        return functional.conv2d(x, self.weight, self.bias, stride=2, padding=1)


def dropout(x: Tensor, uniforms: Tensor | None, rate: Tensor) -> Tensor:
    """Zero a share `rate` of `x` and scale the rest; all of `x` where no uniforms are given.

    Args:
        x: any shape.
        uniforms: U[0, 1) of the shape of `x`, from the trial's own stream; None in evaluation.
        rate: share that is dropped, scalar tensor in [0, 1).
    """
    if uniforms is None:
        return x
    # 1 where the uniform is at least the rate and 0 elsewhere, by arithmetic: comparing and
    # selecting take several times as long on a CPU.
    kept = torch.floor(uniforms - rate) + 1
    return x * (kept / (1 - rate))
