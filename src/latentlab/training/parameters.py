"""The weights of a cohort as one matrix, and as the named tensors that a model wants."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ParameterLayout:
    """Where each parameter of a model lies in a row of the weight matrix [trials, numbers]."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, model: nn.Module) -> ParameterLayout:
        """Return the layout of a model's parameters, in their own order."""
        named = list(model.named_parameters())
        return cls(tuple(n for n, _ in named), tuple(tuple(p.shape) for _, p in named))

    @cached_property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """First and last-plus-one position of each parameter."""
        ends = list(itertools.accumulate(prod(shape) for shape in self.shapes))
        return tuple(zip([0, *ends[:-1]], ends, strict=True))

    @property
    def size(self) -> int:
        """Numbers in one row."""
        return self.bounds[-1][1]

    def flatten(self, model: nn.Module) -> Tensor:
        """Return a model's parameters as one row, [numbers]."""
        return torch.cat([p.detach().reshape(-1) for p in model.parameters()])

    def stacked(self, weights: Tensor) -> dict[str, Tensor]:
        """Return the parameters of all trials, each a view [trials, *shape] of `weights`."""
        return {
            name: weights[:, start:end].view(len(weights), *shape)
            for name, shape, (start, end) in zip(self.names, self.shapes, self.bounds, strict=True)
        }

    def single(self, row: Tensor) -> dict[str, Tensor]:
        """Return the parameters of one trial, each a view [*shape] of its row."""
        return {
            name: row[start:end].view(shape)
            for name, shape, (start, end) in zip(self.names, self.shapes, self.bounds, strict=True)
        }
