"""A task's grids as the encoders see them: tokens, three of its pairs, and permuted colours.

All functions are pure, and take their random numbers as arguments.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.data.arc.tasks import COLOURS, PADDING

DEMONSTRATIONS = 3
"""Pairs of a task that are shown."""
TOKENS = COLOURS + 1


def tokens_of(features: Tensor) -> Tensor:
    """Tokens 0..10 of features in [0, 1].

    Args:
        features: [batch, 2 * pairs, height, width], channel 2p an input and 2p + 1 its output.

    Returns:
        int64 [batch, pairs, 2, height, width].
    """
    tokens = (features * PADDING).round().long()
    return tokens.unflatten(1, (-1, 2))


def demonstrations(tokens: Tensor, uniforms: Tensor | None) -> Tensor:
    """Three pairs of each task.

    Args:
        tokens: [batch, pairs, 2, height, width]; a pair that is not there is all padding.
        uniforms: U[0, 1) that draw three pairs at random, in random order, [batch, pairs]; none
            takes the first three. With fewer than three the last is repeated.

    Returns:
        [batch, 3, 2, height, width].
    """
    pairs = tokens.shape[1]
    present = (tokens != PADDING).flatten(2).any(-1)
    if uniforms is None:
        uniforms = torch.arange(pairs, device=tokens.device) / pairs
    # Pairs that are there come first; all uniforms are below 1.
    order = torch.where(present, uniforms, 2.0).argsort(dim=1)
    last = (present.sum(1, keepdim=True) - 1).clamp(min=0)
    places = torch.arange(DEMONSTRATIONS, device=tokens.device)
    chosen = order.gather(1, torch.minimum(places, last))
    index = chosen[:, :, None, None, None].expand(-1, -1, *tokens.shape[2:])
    return tokens.gather(1, index)


def relations(tokens: Tensor) -> Tensor:
    """What a cell is among the others, whatever its colour is called.

    Args:
        tokens: [..., 2, height, width], an input grid and its output.

    Returns:
        [..., 2, height, width, 2]: the share of the grid's cells that have the cell's colour, and
        whether the other grid differs here (1) or not (0). Both are 0 in padding.
    """
    filled = tokens != PADDING
    is_colour = (tokens[..., None] == torch.arange(COLOURS, device=tokens.device)).float()
    cells = filled.sum((-2, -1)).clamp(min=1)
    shares = is_colour.sum((-3, -2)) / cells[..., None]
    share = (is_colour * shares[..., None, None, :]).sum(-1)
    differs = (tokens != tokens.flip(-3)) & filled
    return torch.stack([share, differs.to(share.dtype)], dim=-1)


def recoloured(tokens: Tensor, uniforms: Tensor) -> Tensor:
    """Tasks under one random permutation of the ten colours each; padding stays padding.

    Args:
        tokens: [batch, ...].
        uniforms: U[0, 1), whose order is the permutation, [batch, 10].
    """
    permutation = uniforms.argsort(dim=1)
    padding = torch.full_like(permutation[:, :1], PADDING)
    table = torch.cat([permutation, padding], dim=1)
    return table.gather(1, tokens.flatten(1)).view(tokens.shape)
