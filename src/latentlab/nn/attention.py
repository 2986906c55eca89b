"""Attention and transformer layers (Vaswani et al. 2017, "Attention is all you need")."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.nn.layers import Dense, dropout, uniform

NEVER = -1e9
"""Added to the score of a key that is not to be attended to. Its share is then exactly 0; and where
all keys are such, all are attended to alike instead of dividing by 0."""


# In a cohort on a CPU torch calls its kernel trial by trial, and warns of it. That takes less than
# half the time of the batched matrix products that it would rather have.
warnings.filterwarnings("ignore", message=".*_scaled_dot_product_flash_attention_for_cpu.*")


class Attention(nn.Module):
    """Multi-head attention: each query averages the values of all keys that it may see."""

    def __init__(self, width: int, heads: int, rng: np.random.Generator) -> None:
        super().__init__()
        self._heads = heads
        self.query = Dense(width, width, rng)
        # Without a bias: it would add the same to a query's scores of all keys, to no effect.
        self.key = nn.Parameter(uniform(rng, (width, width), width))
        self.value = Dense(width, width, rng)
        self.out = Dense(width, width, rng)

    def forward(self, queries: Tensor, keys: Tensor, visible: Tensor | None = None) -> Tensor:
        """Map queries [n, a, width] and keys [n, b, width] to [n, a, width].

        Args:
            queries: what asks.
            keys: what is asked.
            visible: which keys count, bool [n, b]; none: all of them.
        """
        mask = None
        if visible is not None:
            mask = torch.where(visible, 0.0, NEVER)[:, None, None, :].to(queries.dtype)
        mixed = functional.scaled_dot_product_attention(
            self._split(self.query(queries)),
            self._split(keys @ self.key),
            self._split(self.value(keys)),
            attn_mask=mask,
        )
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        """Split [n, tokens, width] by head: [n, heads, tokens, width / heads]."""
        return x.unflatten(-1, (self._heads, -1)).transpose(1, 2)


class TransformerLayer(nn.Module):
    """Attention and a dense net, each added to its input and normalised after."""

    def __init__(self, width: int, heads: int, hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.attention = Attention(width, heads, rng)
        self.attention_norm = nn.LayerNorm(width)
        self.first = Dense(width, hidden, rng)
        self.second = Dense(hidden, width, rng)
        self.dense_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, visible: Tensor, uniforms: Tensor | None, rate: Tensor) -> Tensor:
        """Map [n, tokens, width] to the same shape.

        Args:
            x: tokens.
            visible: which of them are attended to, bool [n, tokens].
            uniforms: dropout's U[0, 1), [n, 2, width]: one for all tokens; none in evaluation.
            rate: share of features that is dropped, scalar.
        """
        of_attention, of_dense = (
            (None, None) if uniforms is None else uniforms[..., None, :].unbind(1)
        )
        x = self.attention_norm(x + dropout(self.attention(x, x, visible), of_attention, rate))
        return self.dense_norm(x + dropout(self.second(self.first(x).relu()), of_dense, rate))


class CrossAttentionLayer(nn.Module):
    """Attention of one set of tokens to another, added to the first and normalised after."""

    def __init__(self, width: int, heads: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.attention = Attention(width, heads, rng)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, queries: Tensor, keys: Tensor, uniforms: Tensor | None, rate: Tensor
    ) -> Tensor:
        """Map queries [n, a, width] and keys [n, b, width] to [n, a, width].

        Args:
            queries: what asks.
            keys: what is asked.
            uniforms: dropout's U[0, 1), [n, width]; none in evaluation.
            rate: share of features that is dropped, scalar.
        """
        given = None if uniforms is None else uniforms[:, None, :]
        return self.norm(queries + dropout(self.attention(queries, keys), given, rate))


class AttentionPooling(nn.Module):
    """A weighted mean of tokens; weights are a softmax of w . tanh(V x) (Ilse et al. 2018)."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.score = Dense(width, width, rng)
        self.weight = nn.Parameter(uniform(rng, (width,), width))

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, tokens, width] to [n, width]."""
        weights = (self.score(x).tanh() @ self.weight).softmax(1)
        return (weights[..., None] * x).sum(1)


def positional_code(height: int, width: int, features: int, like: Tensor) -> Tensor:
    """Return sines and cosines of row and column, half of the features each.

    Args:
        height: rows.
        width: columns.
        features: a multiple of 4.
        like: gives device and type.

    Returns:
        [height * width, features].
    """
    frequencies = torch.exp(
        torch.arange(features // 4, device=like.device) * (-4 * math.log(10_000.0) / features)
    )

    def code(length: int) -> Tensor:
        angles = torch.arange(length, device=like.device)[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1).to(like.dtype)

    rows = code(height)[:, None].expand(-1, width, -1)
    columns = code(width)[None].expand(height, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)
