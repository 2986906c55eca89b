"""Encoders of pictures: a backbone, perhaps pretrained, and a projection to the latent space."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.core.errors import UserError
from latentlab.nn.layers import Dense, dropout
from latentlab.nn.normalisation import BatchNorm
from latentlab.studies.anchored_multimodal.config import ModelConfig
from latentlab.studies.anchored_multimodal.resnet import WIDTH, Convolution, ResNet18
from latentlab.training.contract import Tensors

Shape = tuple[int, int, int]
WIDTHS = (32, 64, 128, 256, 256)
"""Channels of the five convolutional blocks."""
HIDDEN = {"resnet_visual": 256, "simple_cnn_visual": 512, "feature_visual": 256}
"""Units between backbone and latent space."""
LARGEST_MAP = 7
"""Side to which the last map of the blocks is averaged where it is larger."""


class Block(nn.Module):
    """Convolution, batch normalisation, ReLU; and a pool where the map has four rows or more."""

    def __init__(self, name: str, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.conv = Convolution(inputs, outputs, 3, 1, rng)
        self.norm = BatchNorm(f"{name}.norm", outputs)

    def forward(
        self, x: Tensor, state: Tensors, training: bool, counted: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        """Map [batch, inputs, h, w] to [batch, outputs, h / 2, w / 2], or to h and w."""
        x, changes = self.norm(self.conv(x), state, training, counted)
        x = x.relu()
        return (functional.max_pool2d(x, 2) if min(x.shape[-2:]) >= 4 else x), changes


class ConvolutionalBackbone(nn.Module):
    """Five blocks: pictures of 224 rows become maps of 7, those of 8 rows maps of 2."""

    def __init__(self, shape: Shape, multiplier: float, rng: np.random.Generator) -> None:
        super().__init__()
        widths = [shape[0], *(scaled(width, multiplier) for width in WIDTHS)]
        self.blocks = nn.ModuleList(
            Block(f"blocks.{place}", *pair, rng)
            for place, pair in enumerate(itertools.pairwise(widths))
        )
        height, width = shape[1:]
        for _ in self.blocks:
            if min(height, width) >= 4:
                height, width = height // 2, width // 2
        self._map = (min(height, LARGEST_MAP), min(width, LARGEST_MAP))
        self.features = widths[-1] * self._map[0] * self._map[1]

    def forward(
        self, image: Tensor, state: Tensors, training: bool, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensors]:
        """Map [batch, channels, height, width] to [batch, features]; and what changes."""
        x = image
        changes: Tensors = {}
        for block in self.blocks:
            x, changed = block(x, state, training, counted)
            changes |= changed
        if x.shape[-2:] != self._map:
            x = functional.adaptive_avg_pool2d(x, self._map)
        return x.flatten(1), changes


class Given(nn.Module):
    """Features that were computed beforehand."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features

    def forward(
        self, image: Tensor, state: Tensors, training: bool, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensors]:
        """Map [batch, features, 1, 1] to [batch, features]; nothing changes."""
        return image.flatten(1), {}


class VisualEncoder(nn.Module):
    """Backbone, a hidden layer with dropout, and the latent space.

    Args:
        config: which backbone, and widths.
        shape: channels, height, width of a picture.
        rng: gives the initial weights.

    Raises:
        UserError: a ResNet for pictures that have neither one channel nor three.
    """

    def __init__(self, config: ModelConfig, shape: Shape, rng: np.random.Generator) -> None:
        super().__init__()
        self._frozen = config.backbone_rate == 0
        self.backbone = backbone_of(config, shape, rng)
        hidden = hidden_width(config)
        self.hidden = Dense(self.backbone.features, hidden, rng)
        self.out = Dense(hidden, config.latent_dim, rng)

    def forward(
        self,
        image: Tensor,
        counted: Tensor,
        state: Tensors,
        uniforms: Tensor | None,
        rate: Tensor,
        training: bool,
    ) -> tuple[Tensor, Tensors]:
        """Latents of pictures, and the entries of the state that change in training.

        A backbone whose learning rate is 0 is not trained in any way: batch normalisation uses
        the running statistics, and leaves them as they are.

        Args:
            image: [batch, channels, height, width] in [0, 1].
            counted: 1 for the pictures that batch normalisation is by, 0 for the others, [batch].
            state: with the running statistics.
            uniforms: dropout's U[0, 1), [batch, hidden]; none in evaluation.
            rate: share of hidden units that is dropped, scalar.
            training: batch normalisation by the batch.

        Returns:
            [batch, latent], and the changes.
        """
        with torch.no_grad() if self._frozen else contextlib.nullcontext():
            features, changes = self.backbone(image, state, training and not self._frozen, counted)
        return self.out(dropout(self.hidden(features).relu(), uniforms, rate)), changes


def backbone_of(
    config: ModelConfig, shape: Shape, rng: np.random.Generator
) -> ResNet18 | ConvolutionalBackbone | Given:
    """The part of the visual encoder that may be pretrained.

    Raises:
        UserError: a ResNet for pictures that have neither one channel nor three.
    """
    if config.visual_encoder == "feature_visual":
        return Given(shape[0] * shape[1] * shape[2])
    if config.visual_encoder == "simple_cnn_visual":
        return ConvolutionalBackbone(shape, config.width_multiplier, rng)
    if shape[0] not in (1, 3):
        raise UserError(
            f"model.visual_encoder: resnet_visual takes pictures of 1 or 3 channels, these have "
            f"{shape[0]}",
            "Use simple_cnn_visual; or feature_visual, if they are features.",
        )
    return ResNet18(rng, scaled(WIDTH, config.width_multiplier))


def hidden_width(config: ModelConfig) -> int:
    """Units between backbone and latent space, which dropout acts on."""
    return scaled(HIDDEN[config.visual_encoder], config.width_multiplier)


def scaled(width: int, multiplier: float) -> int:
    """A layer's width in a wider or narrower encoder."""
    return max(1, round(width * multiplier))
