"""The attention encoder: cells within each grid, then output grids with input grids."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.data.arc.tasks import PADDING
from latentlab.nn.attention import (
    AttentionPooling,
    CrossAttentionLayer,
    TransformerLayer,
    positional_code,
)
from latentlab.nn.layers import Dense, dropout, uniform
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.tasks import DEMONSTRATIONS, TOKENS, relations
from latentlab.training.streams import Noise

SMALLEST_HIDDEN = 256
"""Hidden units of the projection, where the embedding has no more."""


class ContextEncoder(nn.Module):
    """Transformer layers within each of the six grids, cross-attention between them, and a pool.

    Cells of padding are neither attended to nor averaged over, so that the result does not depend
    on how far a grid is padded. Dropout takes a feature from all cells of a grid at once: numbers
    of its own for every cell would be as many as the cells' features, in every layer and step.
    """

    def __init__(self, config: ArcClassifierConfig, rng: np.random.Generator) -> None:
        super().__init__()
        settings, embedding = config.model.context, config.model.embedding
        width = settings.width
        self._padding_counts = config.model.legacy.unmasked_padding
        # Scaled by the root of the width before use, so that a colour weighs as much as a position.
        self.colours = nn.Parameter(uniform(rng, (TOKENS, width), width))
        self.pixel_layers = nn.ModuleList(
            TransformerLayer(width, settings.heads, settings.feed_forward, rng)
            for _ in range(settings.pixel_layers)
        )
        self.relations = Dense(2, width, rng) if config.model.relations else None
        self.places = nn.Parameter(uniform(rng, (DEMONSTRATIONS, 1, width), width))
        self.roles = nn.Parameter(uniform(rng, (2, width), width))
        self.grid_layers = nn.ModuleList(
            CrossAttentionLayer(width, settings.heads, rng) for _ in range(settings.grid_layers)
        )
        self.pool = AttentionPooling(width, rng)
        self.projects = width != embedding
        if self.projects:
            hidden = max(SMALLEST_HIDDEN, embedding)
            self.hidden = Dense(width, hidden, rng)
            self.out = Dense(hidden, embedding, rng)

    @staticmethod
    def noise_spec(config: ArcClassifierConfig, batch: int) -> dict[str, Noise]:
        """Dropout's uniforms."""
        settings, embedding = config.model.context, config.model.embedding
        if not settings.dropout:
            return {}
        shapes = {
            "pixel_dropout": (
                settings.pixel_layers,
                batch * 2 * DEMONSTRATIONS,
                2,
                settings.width,
            ),
            "grid_dropout": (settings.grid_layers, batch, settings.width),
        }
        if settings.width != embedding:
            shapes["hidden_dropout"] = (batch, max(SMALLEST_HIDDEN, embedding))
        return {name: Noise(shape, "uniform") for name, shape in shapes.items()}

    def forward(
        self, tokens: Tensor, noise: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> Tensor:
        """Map [batch, 3, 2, height, width] to embeddings [batch, embedding]."""
        rate = hyper["model.context.dropout"]
        known = relations(tokens).flatten(0, 2) if self.relations else None
        grids = self.grids(tokens.flatten(0, 2), known, noise.get("pixel_dropout"), rate)
        grids = grids.unflatten(0, (-1, DEMONSTRATIONS, 2)) + self.places + self.roles
        inputs, outputs = grids.unbind(2)
        uniforms = noise.get("grid_dropout")
        for layer, attend in enumerate(self.grid_layers):
            own = None if uniforms is None else uniforms[layer]
            outputs = attend(outputs, inputs, own, rate)
        pooled = self.pool(outputs)
        if not self.projects:
            return pooled
        hidden = dropout(self.hidden(pooled).relu(), noise.get("hidden_dropout"), rate)
        return self.out(hidden)

    def grids(
        self, tokens: Tensor, known: Tensor | None, uniforms: Tensor | None, rate: Tensor
    ) -> Tensor:
        """Features of grids [n, height, width]: [n, features].

        Args:
            tokens: 0..10.
            known: relations of the cells, [n, height, width, 2], where the model uses them.
            uniforms: dropout's U[0, 1), [layers, n, 2, features]; none in evaluation.
            rate: share of features that is dropped, scalar.
        """
        height, width = tokens.shape[-2:]
        cells = tokens.flatten(1)
        filled = torch.ones_like(cells, dtype=torch.bool)
        if not self._padding_counts:
            filled = cells != PADDING
        features = self.colours.shape[1]
        x = self.colours[cells] * math.sqrt(features)
        x = x + positional_code(height, width, features, x)
        if self.relations is not None and known is not None:
            x = x + self.relations(known.flatten(1, 2))
        for layer, transform in enumerate(self.pixel_layers):
            x = transform(x, filled, None if uniforms is None else uniforms[layer], rate)
        # Upstream attends to padding, but does not average over it.
        weight = (cells != PADDING).to(x.dtype)[..., None]
        return (x * weight).sum(1) / weight.sum(1).clamp(min=1)
