"""Which settings may be why a model of this study is collapsed."""

from __future__ import annotations

from latentlab.experiment.examination.levers import Lever, times
from latentlab.studies.vae_objectives.config import BOUND, READ, VaeObjectivesConfig


def _lower_weight(config: VaeObjectivesConfig) -> float:
    """Return a tenth of the KL's weight, where it has one."""
    objective = config.objective
    return objective.beta if objective.kind in BOUND else 0.1 * objective.beta


def _half_a_rise(config: VaeObjectivesConfig) -> float:
    """Return half of the training for what an objective lets rise."""
    objective = config.objective
    return 0.5 if objective.kind in READ["rise"] else objective.rise


LEVERS = {
    "kl_weight": Lever("objective.beta", _lower_weight),
    "rise": Lever("objective.rise", _half_a_rise),
    "learning_rate": times("training.learning_rate", 0.1),
}
"""By cause."""
