"""Convolutions without bias that halve height and width, and those that undo it.

Kernels of 4 halve n to the integer part of n / 2, kernels of 3 round up. A map of any size is
therefore drawn again at its own size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.nn.layers import uniform
from latentlab.studies.least_volume.spectral import Operator, matrix_operator

STRIDE, PADDING = 2, 1
Size = tuple[int, int]


class Stage(NamedTuple):
    """One halving of the encoder, and of the decoder the other way round.

    Attributes:
        outer: channels on the side of the image.
        inner: channels on the side of the latent code.
        kernel: height and width of the kernel.
        wide: height and width on the side of the image.
        narrow: on the side of the latent code.
    """

    outer: int
    inner: int
    kernel: int
    wide: Size
    narrow: Size


def halved(size: Size, kernel: int) -> Size:
    """Height and width after a convolution."""
    height, width = ((n + 2 * PADDING - kernel) // STRIDE + 1 for n in size)
    return height, width


class Convolution(nn.Module):
    """From the wide side of a stage to the narrow one."""

    def __init__(self, stage: Stage, rng: np.random.Generator) -> None:
        super().__init__()
        shape = (stage.inner, stage.kernel, stage.kernel, stage.outer)
        self.weight = nn.Parameter(uniform(rng, shape, stage.outer * stage.kernel**2))

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, outer, *wide] to [batch, inner, *narrow]."""
        return functional.conv2d(x, channels_first(self.weight), stride=STRIDE, padding=PADDING)


class TransposedConvolution(nn.Module):
    """From the narrow side of a stage to the wide one."""

    def __init__(self, stage: Stage, rng: np.random.Generator) -> None:
        super().__init__()
        self._inputs = (stage.inner, *stage.narrow)
        # Sizes that a convolution rounds to the same number differ by the rows appended here.
        rows, columns = (
            wide - ((narrow - 1) * STRIDE - 2 * PADDING + stage.kernel)
            for wide, narrow in zip(stage.wide, stage.narrow, strict=True)
        )
        self._appended = (rows, columns)
        shape = (stage.inner, stage.kernel, stage.kernel, stage.outer)
        self.weight = nn.Parameter(uniform(rng, shape, stage.outer * stage.kernel**2))

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        """Map [batch, inner, *narrow] to [batch, outer, *wide] with scaled weights."""
        weight = channels_first(self.weight)
        return self._transposed(x, weight if scale is None else weight * scale)

    def operator(self, kernel_only: bool) -> Operator:
        """The map of one example; or, for its kernel only, that of [inner * k * k] to [outer]."""
        if kernel_only:
            return matrix_operator(self.weight.flatten(0, 2))
        weight = channels_first(self.weight)
        return Operator(
            lambda v: self._transposed(v[None], weight)[0],
            lambda u: functional.conv2d(u[None], weight, stride=STRIDE, padding=PADDING)[0],
            self._inputs,
        )

    def _transposed(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.conv_transpose2d(
            x, weight, stride=STRIDE, padding=PADDING, output_padding=self._appended
        )


def channels_first(weight: Tensor) -> Tensor:
    """A kernel as torch's functions index it, [inner, outer, k, k], with channels last in memory.

    The maps that come out of it then have channels last in memory too, in which a CPU convolves
    quicker: a training step takes a seventh less.
    """
    return weight.permute(0, 3, 1, 2)


def resized(x: Tensor, size: Size) -> Tensor:
    """Images [batch, channels, height, width] at another height and width, bilinear."""
    if x.shape[-2:] == torch.Size(size):
        return x
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)
