"""The auto-encoder, its spectral normalisation included.

The convolutional form is that of the report; a decoder whose stretch is bounded by spectral
normalisation is that of Chen & Fuge 2024, "Compressing latent space via least volume". What a
module carries beside its parameters is in the trial's state: it comes in as an argument, and the
new values go out beside the result.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.nn.layers import Dense
from latentlab.nn.normalisation import BatchNorm
from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.layers import (
    Convolution,
    Size,
    Stage,
    TransposedConvolution,
    halved,
    resized,
)
from latentlab.studies.least_volume.spectral import (
    Operator,
    matrix_operator,
    power_step,
    random_unit,
)
from latentlab.training.contract import DataSpec, Tensors

WIDTHS = (64, 128, 256, 512)
"""Channels of the report's encoder."""
KERNELS = (4, 4, 3, 3)
"""And its kernels."""
SLOPE = 0.2
"""Of the encoder's LeakyReLU below 0."""

Scales = Mapping[str, Tensor]


def stages(channels: int, resolution: Size, multiplier: float) -> list[Stage]:
    """The convolutions' channels, kernels and sizes, from the image to the smallest map."""
    widths = [channels, *(max(1, round(width * multiplier)) for width in WIDTHS)]
    sizes = list(itertools.accumulate(KERNELS, halved, initial=resolution))
    return [
        Stage(*channel_pair, kernel, *size_pair)
        for channel_pair, kernel, size_pair in zip(
            itertools.pairwise(widths), KERNELS, itertools.pairwise(sizes), strict=True
        )
    ]


class ConvolutionalEncoder(nn.Module):
    """Four halvings, then a convolution over the whole remaining map: a dense layer."""

    def __init__(self, plan: list[Stage], latent: int, rng: np.random.Generator) -> None:
        super().__init__()
        self._resolution = plan[0].wide
        self.convolutions = nn.ModuleList(Convolution(stage, rng) for stage in plan)
        self.norms = nn.ModuleList(
            BatchNorm(f"encoder.{place}", stage.inner) for place, stage in enumerate(plan)
        )
        self.out = Dense(plan[-1].inner * math.prod(plan[-1].narrow), latent, rng)

    def forward(self, x: Tensor, state: Tensors, training: bool) -> tuple[Tensor, Tensors]:
        """Map [batch, channels, height, width] to [batch, latent]."""
        x = resized(x, self._resolution)
        changes: Tensors = {}
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x, change = norm(convolution(x), state, training)
            x = functional.leaky_relu(x, SLOPE)
            changes |= change
        return self.out(x.flatten(1)), changes


class ConvolutionalDecoder(nn.Module):
    """A dense layer, then back through the sizes of the encoder's maps."""

    def __init__(
        self, plan: list[Stage], latent: int, normalised: bool, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self._map = (plan[-1].inner, *plan[-1].narrow)
        self.dense = Dense(latent, math.prod(self._map), rng)
        self.convolutions = nn.ModuleList(TransposedConvolution(s, rng) for s in reversed(plan))
        self.norms = nn.ModuleList(
            BatchNorm(f"decoder.{place}", stage.outer)
            for place, stage in enumerate(reversed(plan[1:]))
            if normalised
        )

    def forward(
        self, z: Tensor, state: Tensors, scales: Scales, training: bool
    ) -> tuple[Tensor, Tensors]:
        """Map [batch, latent] to [batch, channels, *resolution], before the sigmoid."""
        changes: Tensors = {}
        x = scaled_dense(self.dense, z, scales.get("dense")).unflatten(1, self._map)
        for place, convolution in enumerate(self.convolutions):
            x = convolution(x.relu(), scales.get(f"convolutions.{place}"))
            if place < len(self.norms):
                x, change = self.norms[place](x, state, training)
                changes |= change
        return x, changes


class DenseEncoder(nn.Module):
    """Dense layers of these widths on flattened images, with LeakyReLU between them."""

    def __init__(self, widths: list[int], rng: np.random.Generator) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Dense(*pair, rng) for pair in itertools.pairwise(widths))

    def forward(self, x: Tensor, state: Tensors, training: bool) -> tuple[Tensor, Tensors]:
        """Map [batch, channels, height, width] to [batch, latent]; nothing is carried."""
        x = x.flatten(1)
        for place, layer in enumerate(self.layers):
            x = layer(functional.leaky_relu(x, SLOPE) if place else x)
        return x, {}


class DenseDecoder(nn.Module):
    """The mirror image, with ReLU."""

    def __init__(
        self, widths: list[int], shape: tuple[int, int, int], rng: np.random.Generator
    ) -> None:
        super().__init__()
        self._shape = shape
        self.layers = nn.ModuleList(
            Dense(*pair, rng) for pair in itertools.pairwise(reversed(widths))
        )

    def forward(
        self, z: Tensor, state: Tensors, scales: Scales, training: bool
    ) -> tuple[Tensor, Tensors]:
        """Map [batch, latent] to [batch, channels, height, width], before the sigmoid."""
        for place, layer in enumerate(self.layers):
            z = scaled_dense(layer, z.relu() if place else z, scales.get(f"layers.{place}"))
        return z.unflatten(1, self._shape), {}


class Autoencoder(nn.Module):
    """Encoder and decoder; neither knows which latent dimensions are pruned."""

    def __init__(self, config: LeastVolumeConfig, spec: DataSpec, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        self._size = spec.shape[1:]
        model = config.model
        if model.architecture == "convolutional":
            plan = stages(spec.shape[0], model.resolution, model.width_multiplier)
            normalised = model.spectral_norm != "operator"
            self.encoder: nn.Module = ConvolutionalEncoder(plan, model.latent_dim, rng)
            self.decoder: nn.Module = ConvolutionalDecoder(plan, model.latent_dim, normalised, rng)
        else:
            hidden = [model.hidden] * 2 if model.architecture == "dense" else []
            widths = [math.prod(spec.shape), *hidden, model.latent_dim]
            self.encoder = DenseEncoder(widths, rng)
            self.decoder = DenseDecoder(widths, spec.shape, rng)

    def encode(self, x: Tensor, state: Tensors, training: bool) -> tuple[Tensor, Tensors]:
        """Latent codes of images.

        Args:
            x: [batch, channels, height, width], at the design's own size.
            state: the trial's.
            training: batch normalisation by the batch, not by the running statistics.

        Returns:
            Codes [batch, latent], and the entries of the state that change in training.
        """
        z, changes = self.encoder(x, state, training)
        # Only products are computed in half precision; the volume is not.
        return z.to(x.dtype), changes

    def decode(
        self, z: Tensor, state: Tensors, hyper: Mapping[str, Tensor], training: bool
    ) -> tuple[Tensor, Tensors]:
        """Images [batch, channels, height, width] at the design's own size, as `encode`."""
        drawn, changes = self.decode_unresized(z, state, hyper, training)
        return resized(drawn, self._size), changes

    def decode_unresized(
        self, z: Tensor, state: Tensors, hyper: Mapping[str, Tensor], training: bool
    ) -> tuple[Tensor, Tensors]:
        """Images at the decoder's own resolution: what the Lipschitz bound is about."""
        scales, moved = self._scales(state, hyper, training)
        drawn, changes = self.decoder(z, state, scales, training)
        drawn = drawn.to(z.dtype)
        linear = self.config.model.architecture == "linear"
        return drawn if linear else drawn.sigmoid(), changes | moved

    def operators(self) -> dict[str, Operator]:
        """The decoder's weighted layers as linear maps, by name; none without spectral norm."""
        form = self.config.model.spectral_norm
        found: dict[str, Operator] = {}
        if form != "none":
            for name, layer in self.decoder.named_modules():
                if isinstance(layer, Dense):
                    found[name] = matrix_operator(layer.weight)
                elif isinstance(layer, TransposedConvolution):
                    found[name] = layer.operator(kernel_only=form == "kernel")
        return found

    @torch.no_grad()
    def layer_norms(self, state: Tensors, hyper: Mapping[str, Tensor]) -> Tensors:
        """Norms of the decoder's weighted layers as they are used, by name, scalars.

        Right where the state is `converged`; their product bounds what the decoder stretches.
        """
        scales, _ = self._scales(state, hyper, training=False)
        return {
            name: scales[name] * power_step(operator, state[f"power.{name}"])[0]
            for name, operator in self.operators().items()
        }

    def _scales(
        self, state: Tensors, hyper: Mapping[str, Tensor], training: bool
    ) -> tuple[Tensors, Tensors]:
        """Factors of the decoder's weights, by layer, and the next vectors of the iteration."""
        model = self.config.model
        scales: Tensors = {}
        changes: Tensors = {}
        operators = self.operators()
        for name, operator in operators.items():
            layers = len(operators) if model.bound_of == "decoder" else 1
            bound = hyper["model.lipschitz_bound"] ** (1 / layers)
            sigma, vector = power_step(operator, state[f"power.{name}"])
            if model.spectral_norm == "kernel":
                # As torch's own spectral normalisation has it: to this norm, up as well as down.
                scales[name] = bound / sigma
            else:
                scales[name] = 1 / (sigma / bound).clamp(min=1)
            if training:
                changes[f"power.{name}"] = vector
        return scales, changes


def scaled_dense(layer: nn.Module, x: Tensor, scale: Tensor | None) -> Tensor:
    """The layer with scaled weights: its input is scaled, which is the smaller of the two."""
    return layer(x if scale is None else x * scale)


def initial_state(config: LeastVolumeConfig, spec: DataSpec, rng: np.random.Generator) -> Tensors:
    """What the model carries: running statistics, and random vectors for the power iteration."""
    # Built for its names and shapes alone: the numbers of its own stream are not used up.
    model = Autoencoder(config, spec, np.random.Generator(np.random.PCG64(0)))
    state: Tensors = {}
    for module in model.modules():
        if isinstance(module, BatchNorm):
            state |= module.initial_state()
    for name, operator in model.operators().items():
        state[f"power.{name}"] = random_unit(operator.inputs, rng)
    return state
