"""Linear data of a known rank: a linear image of independent Gaussian latents.

After its mean is taken off, the data has as many principal components as there are latents, and
they are the latents in order of their standard deviations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from latentlab.data.prepared import Prepared
from latentlab.data.source import Source
from latentlab.data.synthetic.linear_embedding import EmbeddedConfig, show


class LowRankConfig(EmbeddedConfig):
    """Settings of linear data."""

    rank: int = Field(default=5, ge=1, le=10_000, description="latents")
    spectrum: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="standard deviation of each latent as a multiple of the one before it; "
        "1: all equal",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rank > self.side**2:
            raise ValueError(f"rank {self.rank} is more than the {self.side**2} pixels")
        return self


def read_low_rank(config: LowRankConfig, folder: Path) -> Prepared:
    """Draw the data.

    Args:
        config: settings.
        folder: not used; the data is made here.

    Returns:
        uint16 [n, 1, side, side], labelled by the quartile band of the first latent.
    """
    rng = np.random.Generator(np.random.PCG64(config.seed))
    latents = rng.standard_normal((config.examples, config.rank))
    latents *= config.spectrum ** np.arange(config.rank)
    origin = f"Linear data of rank {config.rank}, standard deviations falling by {config.spectrum}"
    return show("low_rank", latents, ("first", latents[:, 0]), config, rng, origin)


LOW_RANK = Source("low_rank", LowRankConfig, read_low_rank)
