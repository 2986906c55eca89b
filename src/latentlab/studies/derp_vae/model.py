"""The variational auto-encoder with a classifier on its latent sample.

Kingma & Welling 2014, "Auto-encoding variational Bayes". All forwards are pure: noise comes in as
arguments, so that a whole cohort can run them under `vmap`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from torch import Tensor, nn

from latentlab.nn.layers import Convolution, Dense, dropout
from latentlab.studies.derp_vae.config import DerpVaeConfig
from latentlab.training.contract import DataSpec

FEATURES = 32
"""Outputs of the feature net."""

Noise = Mapping[str, Tensor]


class DenseEncoder(nn.Module):
    """D -> hidden -> hidden / 2, with dropout after the first layer."""

    def __init__(self, inputs: int, hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.first = Dense(inputs, hidden, rng)
        self.second = Dense(hidden, hidden // 2, rng)

    def forward(self, x: Tensor, noise: Noise, rate: Tensor) -> Tensor:
        """Map [batch, channels, height, width] to [batch, hidden / 2]."""
        h = dropout(self.first(x.flatten(1)).relu(), noise.get("encoder_dropout"), rate)
        return self.second(h).relu()


class DenseDecoder(nn.Module):
    """latent -> hidden / 2 -> hidden -> D logits, with dropout after the first layer."""

    def __init__(
        self, latent: int, hidden: int, shape: tuple[int, int, int], rng: np.random.Generator
    ) -> None:
        super().__init__()
        self._shape = shape
        self.first = Dense(latent, hidden // 2, rng)
        self.second = Dense(hidden // 2, hidden, rng)
        self.out = Dense(hidden, int(np.prod(shape)), rng)

    def forward(self, z: Tensor, noise: Noise, rate: Tensor) -> Tensor:
        """Map [batch, latent] to logits [batch, channels, height, width]."""
        h = dropout(self.first(z).relu(), noise.get("decoder_dropout"), rate)
        return self.out(self.second(h).relu()).view(-1, *self._shape)


class ConvolutionalEncoder(nn.Module):
    """Strided convolutions down to a map of at most 4x4, then one dense layer."""

    def __init__(
        self, widths: tuple[int, ...], side: tuple[int, int], hidden: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            Convolution(inputs, outputs, rng) for inputs, outputs in itertools.pairwise(widths)
        )
        self.dense = Dense(widths[-1] * side[0] * side[1], hidden // 2, rng)

    def forward(self, x: Tensor, noise: Noise, rate: Tensor) -> Tensor:
        """Map [batch, channels, height, width] to [batch, hidden / 2]."""
        for convolution in self.convolutions:
            x = convolution(x).relu()
        return dropout(self.dense(x.flatten(1)).relu(), noise.get("encoder_dropout"), rate)


class ConvolutionalDecoder(nn.Module):
    """The encoder's mirror image."""

    def __init__(
        self,
        latent: int,
        widths: tuple[int, ...],
        side: tuple[int, int],
        hidden: int,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        self._map = (widths[-1], *side)
        self.first = Dense(latent, hidden // 2, rng)
        self.dense = Dense(hidden // 2, int(np.prod(self._map)), rng)
        self.convolutions = nn.ModuleList(
            Convolution(inputs, outputs, rng, transposed=True)
            for inputs, outputs in itertools.pairwise(reversed(widths))
        )

    def forward(self, z: Tensor, noise: Noise, rate: Tensor) -> Tensor:
        """Map [batch, latent] to logits [batch, channels, height, width]."""
        h = dropout(self.first(z).relu(), noise.get("decoder_dropout"), rate)
        x = self.dense(h).view(-1, *self._map)
        for convolution in self.convolutions:
            x = convolution(x.relu())
        return x


class Classifier(nn.Module):
    """latent -> 2 latent -> class logits, on the sample rather than the mean."""

    def __init__(self, latent: int, classes: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.first = Dense(latent, 2 * latent, rng)
        self.out = Dense(2 * latent, classes, rng)

    def forward(self, z: Tensor, noise: Noise, rate: Tensor) -> Tensor:
        """Map [batch, latent] to logits [batch, classes]."""
        return self.out(dropout(self.first(z).relu(), noise.get("classifier_dropout"), rate))


class FeatureNet(nn.Module):
    """D -> hidden -> hidden / 2 -> 32: random features in which images are compared."""

    def __init__(self, inputs: int, hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.first = Dense(inputs, hidden, rng)
        self.second = Dense(hidden, hidden // 2, rng)
        self.out = Dense(hidden // 2, FEATURES, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, channels, height, width] to [batch, 32]."""
        return features(x, dict(self.named_parameters()))


def features(x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """What a feature net with these weights makes of images: [batch, 32]."""
    h = (x.flatten(1) @ weights["first.weight"] + weights["first.bias"]).relu()
    h = (h @ weights["second.weight"] + weights["second.bias"]).relu()
    return h @ weights["out.weight"] + weights["out.bias"]


class Vae(nn.Module):
    """Encoder, decoder, classifier and, where it is trained too, the feature net."""

    def __init__(self, config: DerpVaeConfig, spec: DataSpec, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        model = config.model
        d = model.latent_dim
        if model.architecture == "dense":
            self.encoder: nn.Module = DenseEncoder(int(np.prod(spec.shape)), model.hidden, rng)
            self.decoder: nn.Module = DenseDecoder(d, model.hidden, spec.shape, rng)
        else:
            widths, side = convolution_plan(spec.shape, model.channels)
            self.encoder = ConvolutionalEncoder(widths, side, model.hidden, rng)
            self.decoder = ConvolutionalDecoder(d, widths, side, model.hidden, rng)
        self.mean = Dense(model.hidden // 2, d, rng)
        self.log_variance = Dense(model.hidden // 2, d, rng)
        self.classifier = Classifier(d, spec.classes, rng)
        objective = config.objective
        if objective.perceptual_weight > 0 and objective.legacy.trainable_perceptual_net:
            self.feature_net = FeatureNet(int(np.prod(spec.shape)), model.hidden, rng)

    def encode(self, x: Tensor, noise: Noise, rate: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), each [batch, latent]."""
        h = self.encoder(x, noise, rate)
        # Only matrix products are computed in half precision; KL and samples are not.
        return self.mean(h).to(x.dtype), self.log_variance(h).to(x.dtype)


def convolution_plan(
    shape: tuple[int, int, int], channels: int
) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Channels from the image to the smallest map, and that map's height and width.

    Halves as long as both sides are even and the larger one exceeds 4.
    """
    depth, height, width = shape
    widths = [depth]
    while max(height, width) > 4 and height % 2 == 0 and width % 2 == 0:
        widths.append(channels * 2 ** (len(widths) - 1))
        height, width = height // 2, width // 2
    return tuple(widths), (height, width)
