"""Encoders of texts, character by character.

Token 0, padding and unknown characters alike, has no features of its own: it embeds as zeros.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.data.image_text_layout import PAD, VOCABULARY
from latentlab.nn.attention import TransformerLayer
from latentlab.nn.layers import Dense, dropout
from latentlab.studies.anchored_multimodal.config import ModelConfig
from latentlab.studies.anchored_multimodal.visual import scaled

HIDDEN = 256
"""Units of the dense layers, and of the transformer's within each layer."""
LAYERS, HEADS = 2, 4
"""Of the transformer."""
CHANNELS = (64, 128, 256)
"""Of the convolutions along the text (after Zhang et al. 2015, which has more of them)."""
KERNEL = 3
PLACES = 8
"""Positions that the convolutions' last map is averaged to where it has more."""


class Embedding(nn.Module):
    """Features of characters, N(0, 1) at the start.

    As a product with one-hot rows: picking rows of a table is several times as slow in a cohort.
    """

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.weight = normal_parameter(rng, VOCABULARY - 1, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map int64 [batch, length] to [batch, length, width]."""
        return self._one_hot(tokens) @ self.weight

    def mean(self, tokens: Tensor) -> Tensor:
        """The mean over known characters, [batch, width]; of none, 0."""
        counts = self._one_hot(tokens).sum(1)
        return counts @ self.weight / counts.sum(1, keepdim=True).clamp(min=1)

    def _one_hot(self, tokens: Tensor) -> Tensor:
        known = torch.arange(1, VOCABULARY, device=tokens.device)
        return (tokens[..., None] == known).to(self.weight.dtype)


class MeanEncoder(nn.Module):
    """The mean of the characters' features, whose order is lost, and two dense layers."""

    def __init__(self, config: ModelConfig, length: int, rng: np.random.Generator) -> None:
        super().__init__()
        width, hidden = (scaled(n, config.width_multiplier) for n in (64, HIDDEN))
        self.embedding = Embedding(width, rng)
        self.first = Dense(width, hidden, rng)
        self.second = Dense(hidden, hidden, rng)
        self.out = Dense(hidden, config.latent_dim, rng)

    @staticmethod
    def dropout_shape(config: ModelConfig, batch: int) -> tuple[int, ...]:
        """Of dropout's uniforms."""
        return (2, batch, scaled(HIDDEN, config.width_multiplier))

    def forward(self, tokens: Tensor, uniforms: Tensor | None, rate: Tensor) -> Tensor:
        """Map int64 [batch, length] to [batch, latent]; uniforms are none in evaluation."""
        of_first, of_second = (None, None) if uniforms is None else uniforms.unbind(0)
        x = dropout(self.first(self.embedding.mean(tokens)).relu(), of_first, rate)
        return self.out(dropout(self.second(x).relu(), of_second, rate))


class TextConvolution(nn.Module):
    """A convolution along the text that keeps its length, as a product with three neighbours."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.dense = Dense(KERNEL * inputs, outputs, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, length, inputs] to [batch, length, outputs]."""
        length, around = x.shape[1], functional.pad(x, (0, 0, KERNEL // 2, KERNEL // 2))
        return self.dense(torch.cat([around[:, k : k + length] for k in range(KERNEL)], dim=2))


class ConvolutionalEncoder(nn.Module):
    """Three convolutions along the text, two of them with a pool, and a dense layer.

    Padding is a part of the text here, as are the places that its end leaves empty: it is not
    masked.
    """

    def __init__(self, config: ModelConfig, length: int, rng: np.random.Generator) -> None:
        super().__init__()
        width, hidden = (scaled(n, config.width_multiplier) for n in (32, HIDDEN))
        self.embedding = Embedding(width, rng)
        self.convolutions = nn.ModuleList()
        for channels in CHANNELS:
            outputs = scaled(channels, config.width_multiplier)
            self.convolutions.append(TextConvolution(width, outputs, rng))
            width = outputs
        for _ in CHANNELS[1:]:
            length = max(1, length // 2)
        self.hidden = Dense(min(length, PLACES) * width, hidden, rng)
        self.out = Dense(hidden, config.latent_dim, rng)

    @staticmethod
    def dropout_shape(config: ModelConfig, batch: int) -> tuple[int, ...]:
        """Of dropout's uniforms."""
        return (batch, scaled(HIDDEN, config.width_multiplier))

    def forward(self, tokens: Tensor, uniforms: Tensor | None, rate: Tensor) -> Tensor:
        """Map int64 [batch, length] to [batch, latent]; uniforms are none in evaluation."""
        x = self.embedding(tokens)
        for place, convolution in enumerate(self.convolutions):
            x = convolution(x if place == 0 else halved(x)).relu()
        if x.shape[1] > PLACES:
            x = functional.adaptive_avg_pool1d(x.mT, PLACES).mT
        return self.out(dropout(self.hidden(x.flatten(1)).relu(), uniforms, rate))


class TransformerEncoder(nn.Module):
    """Attention among the known characters (Vaswani et al. 2017), and their mean.

    Padding and unknown characters are neither attended to nor averaged over, so that the result
    does not depend on how far a text is padded. Dropout takes a feature from all characters of a
    text at once: numbers of its own for every character would be as many as all features are.
    """

    def __init__(self, config: ModelConfig, length: int, rng: np.random.Generator) -> None:
        super().__init__()
        width = transformer_width(config)
        hidden = scaled(HIDDEN, config.width_multiplier)
        self.embedding = Embedding(width, rng)
        self.positions = normal_parameter(rng, length, width)
        self.layers = nn.ModuleList(
            TransformerLayer(width, HEADS, hidden, rng) for _ in range(LAYERS)
        )
        self.out = Dense(width, config.latent_dim, rng)

    @staticmethod
    def dropout_shape(config: ModelConfig, batch: int) -> tuple[int, ...]:
        """Of dropout's uniforms."""
        return (LAYERS, batch, 2, transformer_width(config))

    def forward(self, tokens: Tensor, uniforms: Tensor | None, rate: Tensor) -> Tensor:
        """Map int64 [batch, length] to [batch, latent]; uniforms are none in evaluation."""
        visible = tokens != PAD
        x = self.embedding(tokens) + self.positions
        for place, layer in enumerate(self.layers):
            x = layer(x, visible, None if uniforms is None else uniforms[place], rate)
        weight = visible.to(x.dtype)[..., None]
        return self.out((x * weight).sum(1) / weight.sum(1).clamp(min=1))


TextEncoder = MeanEncoder | ConvolutionalEncoder | TransformerEncoder
TEXT_ENCODERS: dict[str, type[TextEncoder]] = {
    "mlp_text": MeanEncoder,
    "char_cnn_text": ConvolutionalEncoder,
    "transformer_text": TransformerEncoder,
}


def transformer_width(config: ModelConfig) -> int:
    """Features of a character, of which each head has the same number."""
    return HEADS * scaled(64 // HEADS, config.width_multiplier)


def halved(x: Tensor) -> Tensor:
    """The larger of each two neighbours along the text, [batch, length, n]; of one, itself."""
    pairs = x.shape[1] // 2
    return x[:, : 2 * pairs].unflatten(1, (pairs, 2)).amax(2) if pairs else x


def normal_parameter(rng: np.random.Generator, *shape: int) -> nn.Parameter:
    """N(0, 1), as torch starts embeddings."""
    return nn.Parameter(torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)))
