"""The convolutional encoder: what happens to the cells around a cell, averaged over a pair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.data.arc.tasks import LARGEST_SIDE, PADDING
from latentlab.nn.layers import Dense, dropout, uniform
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.tasks import DEMONSTRATIONS, TOKENS, relations
from latentlab.training.streams import Noise

TOKEN_FEATURES = 16
"""Features of a cell's colour."""
COLOUR_SD = 0.2
"""Their standard deviation at the start: small against what `relations` tells."""
RESIDUAL_FROM = 3
"""Layers from here on (the fourth) change no width, and add to their input: a plain stack of them
would thin the signal out, and depth would stand for that."""


class Convolution3(nn.Module):
    """A 3x3 convolution that keeps height and width.

    Args:
        groups: numbers of input channels of several kinds; each kind has weights that suit its own
            number, so that few channels are not drowned by many.
        outputs: output channels.
        rng: gives the initial weights.
    """

    def __init__(self, groups: Sequence[int], outputs: int, rng: np.random.Generator) -> None:
        super().__init__()
        weights = [rectifier_uniform(rng, (outputs, n, 3, 3), n * 9) for n in groups]
        self.weight = nn.Parameter(torch.cat(weights, dim=1))
        self.bias = nn.Parameter(uniform(rng, (outputs,), sum(groups) * 9))

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, inputs, height, width] to [batch, outputs, height, width]."""
        return functional.conv2d(x, self.weight, self.bias, padding=1)


class ConvolutionalEncoder(nn.Module):
    """Input and output grid of a pair on top of each other, convolved and averaged over cells.

    Cells of padding stay 0 throughout and are left out of the average, so that the result does
    not depend on how far a grid is padded. In the legacy form they are cells like all others.
    """

    def __init__(self, config: ArcClassifierConfig, rng: np.random.Generator) -> None:
        super().__init__()
        settings = config.model.cnn
        self._coordinates = settings.coordinates
        self._relations = config.model.relations
        self._flatten = settings.demo_aggregation == "flatten"
        self._padding_counts = config.model.legacy.unmasked_padding
        colours = COLOUR_SD * rng.standard_normal((TOKENS, TOKEN_FEATURES), dtype=np.float32)
        self.colours = nn.Parameter(torch.from_numpy(colours))
        widths = layer_widths(settings.channels, settings.width_multiplier, settings.depth)
        inputs = [2 * TOKEN_FEATURES, 4 * config.model.relations, 2 * settings.coordinates]
        groups = [[n for n in inputs if n], *([width] for width in widths[:-1])]
        self.convolutions = nn.ModuleList(
            Convolution3(kinds, width, rng) for kinds, width in zip(groups, widths, strict=True)
        )
        pooled = widths[-1] * (DEMONSTRATIONS if self._flatten else 1)
        self.hidden = Dense(pooled, settings.mlp_hidden, rng)
        self.out = Dense(settings.mlp_hidden, config.model.embedding, rng)

    @staticmethod
    def noise_spec(config: ArcClassifierConfig, batch: int) -> dict[str, Noise]:
        """Dropout's uniforms."""
        settings = config.model.cnn
        if not settings.dropout:
            return {}
        return {"hidden_dropout": Noise((batch, settings.mlp_hidden), "uniform")}

    def forward(
        self, tokens: Tensor, noise: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> Tensor:
        """Map [batch, 3, 2, height, width] to embeddings [batch, embedding]."""
        pooled = self.pooled(tokens.flatten(0, 1)).unflatten(0, (-1, DEMONSTRATIONS))
        features = pooled.flatten(1) if self._flatten else pooled.mean(1)
        hidden = self.hidden(features).relu()
        return self.out(dropout(hidden, noise.get("hidden_dropout"), hyper["model.cnn.dropout"]))

    def pooled(self, tokens: Tensor) -> Tensor:
        """Features of pairs [pairs, 2, height, width], averaged over cells: [pairs, channels]."""
        x = self.colours[tokens]
        if self._padding_counts:
            cells = torch.ones_like(x[:, :1, :, :, 0])
        else:
            filled = (tokens != PADDING).to(x.dtype)
            x = x * filled[..., None]
            cells = filled.amax(1, keepdim=True)
        x = _channels(x)
        if self._relations:
            x = torch.cat([x, _channels(relations(tokens).to(x.dtype))], dim=1)
        if self._coordinates:
            x = torch.cat([x, coordinates(x) * cells], dim=1)
        for layer, convolution in enumerate(self.convolutions):
            y = convolution(x).relu() * cells
            x = x + y if layer >= RESIDUAL_FROM else y
        return (x.sum((2, 3)) / cells.sum((2, 3)).clamp(min=1)).to(cells.dtype)


def rectifier_uniform(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> Tensor:
    """Weights before a ReLU that keep the signal's size from layer to layer (He et al. 2015)."""
    return uniform(rng, shape, inputs) * math.sqrt(6)


def _channels(x: Tensor) -> Tensor:
    """[pairs, 2, height, width, features] as channels: [pairs, 2 * features, height, width]."""
    return x.permute(0, 1, 4, 2, 3).flatten(1, 2)


def layer_widths(channels: int, multiplier: float, depth: int) -> list[int]:
    """Channels of each convolution: c, 2c, 4c, 4c, ... with c = channels * multiplier."""
    return [max(1, int(channels * 2 ** min(layer, 2) * multiplier)) for layer in range(depth)]


def coordinates(x: Tensor) -> Tensor:
    """Row and column of each cell of x [batch, _, height, width]: [1, 2, height, width].

    Shares of the largest side that a grid may have, so in [0, 1] and independent of padding.
    """
    height, width = x.shape[-2:]
    rows = torch.arange(height, device=x.device, dtype=x.dtype) / (LARGEST_SIDE - 1)
    columns = torch.arange(width, device=x.device, dtype=x.dtype) / (LARGEST_SIDE - 1)
    return torch.stack(
        [rows[:, None].expand(height, width), columns[None].expand(height, width)]
    ).expand(len(x), -1, -1, -1)
