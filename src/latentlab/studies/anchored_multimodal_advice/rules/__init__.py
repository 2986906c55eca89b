"""Fourteen rules: the report's twelve sections, then what only its table of settings has.

Each says what is good, what could be better, and why. What it recommends is `prior`, an opinion,
until a study has measured it.
"""

from __future__ import annotations

from latentlab.experiment.advice import Rule
from latentlab.studies.anchored_multimodal_advice.rules.architecture import (
    CLASSES,
    HEAD,
    LATENT,
    TEXT,
)
from latentlab.studies.anchored_multimodal_advice.rules.objectives import ANCHORS, GROUPS, WEIGHTS
from latentlab.studies.anchored_multimodal_advice.rules.optimisation import (
    BATCH,
    CLIPPING,
    EPOCHS,
    OPTIMISER,
    PRETRAINED_RATE,
    REGULARISATION,
    SCHEDULE,
)

CATALOGUE: tuple[Rule, ...] = (
    PRETRAINED_RATE,
    BATCH,
    LATENT,
    TEXT,
    HEAD,
    CLASSES,
    SCHEDULE,
    OPTIMISER,
    EPOCHS,
    GROUPS,
    WEIGHTS,
    ANCHORS,
    CLIPPING,
    REGULARISATION,
)
"""The report's twelve sections in their order, then what only its table of settings has."""
