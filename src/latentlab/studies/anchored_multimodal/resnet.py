"""ResNet-18 (He et al. 2016, "Deep residual learning for image recognition").

Modules bear the names under which weights of it are published, and their weights have those shapes,
so that a file of them fits: `conv1.weight`, `layer1.0.bn2.bias`, `layer4.0.downsample.0.weight`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.nn.layers import uniform
from latentlab.nn.normalisation import BatchNorm
from latentlab.training.contract import Tensors

WIDTH = 64
"""Channels of the first stage; each further one has twice as many."""
STAGES, BLOCKS = 4, 2
IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of red, green and blue in [0, 1], by which published weights expect pictures to be normalised."""
IMAGENET_SD = (0.229, 0.224, 0.225)


class Convolution(nn.Module):
    """A convolution without a bias: batch normalisation, which follows, has one.

    Weights are normal, of a variance that keeps that of gradients (He et al. 2015).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self._stride, self._padding = stride, kernel // 2
        drawn = rng.standard_normal((outputs, inputs, kernel, kernel), dtype=np.float32)
        self.weight = nn.Parameter(torch.from_numpy(drawn) * math.sqrt(2 / (outputs * kernel**2)))

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, inputs, height, width] to [batch, outputs, height / stride, ...]."""
        return functional.conv2d(x, self.weight, stride=self._stride, padding=self._padding)


class BasicBlock(nn.Module):
    """Two convolutions that are added to their input, which is projected where shapes differ."""

    def __init__(
        self, name: str, inputs: int, outputs: int, stride: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.conv1 = Convolution(inputs, outputs, 3, stride, rng)
        self.bn1 = BatchNorm(f"{name}.bn1", outputs)
        self.conv2 = Convolution(outputs, outputs, 3, 1, rng)
        self.bn2 = BatchNorm(f"{name}.bn2", outputs)
        self.downsample = nn.ModuleList()
        if stride > 1 or inputs != outputs:
            self.downsample.append(Convolution(inputs, outputs, 1, stride, rng))
            self.downsample.append(BatchNorm(f"{name}.downsample.1", outputs))

    def forward(
        self, x: Tensor, state: Tensors, training: bool, counted: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        """Map [batch, inputs, height, width] to [batch, outputs, ...]; and what changes."""
        y, changes = self.bn1(self.conv1(x), state, training, counted)
        y, changed = self.bn2(self.conv2(y.relu()), state, training, counted)
        changes |= changed
        if self.downsample:
            project, norm = self.downsample
            x, changed = norm(project(x), state, training, counted)
            changes |= changed
        return (x + y).relu(), changes


class Head(nn.Module):
    """The classifier of published weights, whose matrix is [classes, features]."""

    def __init__(self, features: int, classes: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(uniform(rng, (classes, features), features))
        self.bias = nn.Parameter(uniform(rng, (classes,), features))

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, features] to [batch, classes]."""
        return functional.linear(x, self.weight, self.bias)


class ResNet18(nn.Module):
    """Pictures to features, averaged over the last map; with a head, to the head's classes.

    Args:
        rng: gives the initial weights.
        width: channels of the first stage; published weights have 64.
        classes: of the head; 0 for none. Published weights have 1000.
    """

    def __init__(self, rng: np.random.Generator, width: int = WIDTH, classes: int = 0) -> None:
        super().__init__()
        self.conv1 = Convolution(3, width, 7, 2, rng)
        self.bn1 = BatchNorm("bn1", width)
        inputs = width
        for stage in range(STAGES):
            outputs, blocks = width * 2**stage, nn.ModuleList()
            for place in range(BLOCKS):
                stride = 2 if stage and not place else 1
                name = f"layer{stage + 1}.{place}"
                blocks.append(BasicBlock(name, inputs, outputs, stride, rng))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", blocks)
        self.features = inputs
        self.fc = Head(inputs, classes, rng) if classes else None

    def forward(
        self, image: Tensor, state: Tensors, training: bool, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensors]:
        """Features, and the entries of the state that change in training.

        Args:
            image: [batch, 1 or 3, height, width] in [0, 1]; one channel stands for all three.
            state: with the running statistics of batch normalisation.
            training: batch normalisation by the batch, not by the running statistics.
            counted: the pictures that it is by, 1 or 0, [batch]; none: all.

        Returns:
            [batch, features], or [batch, classes] with a head; and the changes.
        """
        x, changes = self.bn1(self.conv1(normalised(image)), state, training, counted)
        x = functional.max_pool2d(x.relu(), 3, stride=2, padding=1)
        for stage in range(STAGES):
            for block in self.get_submodule(f"layer{stage + 1}").children():
                x, changed = block(x, state, training, counted)
                changes |= changed
        x = x.mean((2, 3))
        return (self.fc(x) if self.fc else x), changes


def normalised(image: Tensor) -> Tensor:
    """Pictures [batch, 1 or 3, height, width] in [0, 1] as published weights expect them."""
    mean, sd = (
        torch.tensor(numbers, device=image.device, dtype=image.dtype)[:, None, None]
        for numbers in (IMAGENET_MEAN, IMAGENET_SD)
    )
    # A single channel is repeated to three by being broadcast.
    return (image - mean) / sd
