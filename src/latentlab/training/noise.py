"""Feeds a cohort its noise: one block at a time, drawn once per seed and shared by its arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from latentlab.training.streams import BLOCK_STEPS, Noise, noise_block


class NoiseFeed:
    """The noise of every training step of a cohort.

    Args:
        streams: key of each trial's stream; arms of one seed have the same.
        spec: names, shapes and kinds.
        device: where the noise is used.
    """

    def __init__(
        self, streams: Sequence[int], spec: Mapping[str, Noise], device: torch.device
    ) -> None:
        self._keys = list(dict.fromkeys(streams))
        rows = {key: row for row, key in enumerate(self._keys)}
        # Where every trial has a seed of its own the block serves as it is, without a copy.
        shared = len(self._keys) < len(streams)
        self.rows = torch.tensor([rows[s] for s in streams], device=device) if shared else None
        self._spec = spec
        self._device = device
        self._block = -1
        self._tensors: dict[str, Tensor] = {}

    def at(self, step: int) -> dict[str, Tensor]:
        """Return the noise of one step, each [trials, *shape]."""
        noise = {name: tensor[step % BLOCK_STEPS] for name, tensor in self.block(step).items()}
        if self.rows is None:
            return noise
        return {name: tensor[self.rows] for name, tensor in noise.items()}

    def block(self, step: int) -> dict[str, Tensor]:
        """Return the block that a step is in, each [BLOCK_STEPS, seeds, *shape].

        `rows` says which seed each trial has, where they are fewer.
        """
        block = step // BLOCK_STEPS
        if block != self._block:
            drawn = [noise_block(key, self._spec, block) for key in self._keys]
            self._tensors = {
                name: torch.from_numpy(np.stack([d[name] for d in drawn], axis=1)).to(
                    self._device, non_blocking=True
                )
                for name in self._spec
            }
            self._block = block
        return self._tensors
