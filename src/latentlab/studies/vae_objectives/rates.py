"""Objectives in which the KL costs something else than beta times itself."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from latentlab.studies.vae_objectives.objective import Objective
from latentlab.training.schedules import linear_warmup


class Capacity(Objective):
    """The KL is pulled to a capacity that rises from 0 (Burgess et al. 2018).

    With a capacity of 0 and beta of 1 it is the VAE.
    """

    def rate(self, units: Tensor, hyper: Mapping[str, Tensor], progress: Tensor) -> Tensor:
        """Return beta times the distance of the KL from the capacity of this step."""
        capacity = hyper["objective.capacity"] * linear_warmup(progress, hyper["objective.rise"])
        return hyper["objective.beta"] * (units.sum() - capacity).abs()


class Cyclical(Objective):
    """Beta rises from 0 in each of several cycles (Fu et al. 2019; in one: Bowman et al. 2016).

    Without a rise it is the VAE.
    """

    def rate(self, units: Tensor, hyper: Mapping[str, Tensor], progress: Tensor) -> Tensor:
        """Return the KL times beta as far as it has risen in this cycle."""
        place = (progress * hyper["objective.cycles"]).frac()
        beta = hyper["objective.beta"] * linear_warmup(place, hyper["objective.rise"])
        return beta * units.sum()


class FreeBits(Objective):
    """A unit's KL costs nothing more below a floor (Kingma et al. 2016); with a floor of 0: VAE."""

    def rate(self, units: Tensor, hyper: Mapping[str, Tensor], progress: Tensor) -> Tensor:
        """Return beta times the sum over units of the KL, or of the floor where that is more."""
        floored = units.clamp(min=hyper["objective.free_bits"])
        return hyper["objective.beta"] * floored.sum()
