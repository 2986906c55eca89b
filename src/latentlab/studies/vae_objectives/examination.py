"""Which settings may be why a model of this study is collapsed."""

from __future__ import annotations

from latentlab.experiment.examination.levers import Lever, times, to
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
    "penalty": to("objective.weight", 0.0),
    "learning_rate": times("training.learning_rate", 0.1),
    "weight_decay": to("training.weight_decay", 0.0),
}
"""By cause. None is the likelihood's scale: that of coins has none, and a tenfold weight of it is a
tenth of the KL's and the penalty's."""
