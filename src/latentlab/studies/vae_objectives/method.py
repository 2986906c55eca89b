"""The objectives by kind, as the trainer sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.studies.vae_objectives.bounds import ImportanceWeighted, Quantised, Vamp
from latentlab.studies.vae_objectives.config import Kind
from latentlab.studies.vae_objectives.objective import Objective
from latentlab.studies.vae_objectives.penalties import BetaTc, Derp, DipI, DipII, Factor, Mmd
from latentlab.studies.vae_objectives.rates import Capacity, Cyclical, FreeBits

OBJECTIVES: Mapping[Kind, Objective] = {
    "vae": Objective(),
    "capacity": Capacity(),
    "cyclical": Cyclical(),
    "free_bits": FreeBits(),
    "factor_vae": Factor(),
    "beta_tc": BetaTc(),
    "dip_i": DipI(),
    "dip_ii": DipII(),
    "mmd": Mmd(),
    "derp": Derp(),
    "iwae": ImportanceWeighted(),
    "vamp": Vamp(),
    "vq": Quantised(),
}


class VaeObjectivesMethod(Objective):
    """Which objective trains a configuration."""

    def of(self, config: Any) -> Objective:
        """Return the objective of its kind."""
        return OBJECTIVES[config.objective.kind]


METHOD = VaeObjectivesMethod()
