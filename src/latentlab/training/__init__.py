"""Trials, cohorts and the loop that trains them. Knows no study by name."""

from latentlab.training.config import Seeds, TrainingConfig, TrialConfig
from latentlab.training.contract import (
    Batch,
    Clock,
    DataSpec,
    Method,
    MethodDefaults,
    Tensors,
)
from latentlab.training.per_trial import PerTrial
from latentlab.training.schedules import linear_warmup
from latentlab.training.streams import Noise
from latentlab.training.trial import Trial

__all__ = [
    "Batch",
    "Clock",
    "DataSpec",
    "Method",
    "MethodDefaults",
    "Noise",
    "PerTrial",
    "Seeds",
    "Tensors",
    "TrainingConfig",
    "Trial",
    "TrialConfig",
    "linear_warmup",
]
