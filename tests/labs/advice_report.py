"""The report that advises on a configuration: its predictions, and the study that measures them."""

from __future__ import annotations

from typing import Any

from labs.declarations import block
from latentlab.studies.anchored_multimodal_advice import AdviceDeclaration

PREDICTED = {
    "batch_size": ("accuracy", 0.05, 0.10),  # Batch 32->64: +5-10% accuracy
    "epochs": ("accuracy", 0.10, 0.20),  # Epochs 10->50: +10-20% accuracy
    "text_encoder": ("text_accuracy", 0.05, 0.15),  # MLP->CharCNN: +5-15% text accuracy
    "latent_dim": ("accuracy", 0.03, 0.08),  # Latent 64->128: +3-8% overall accuracy
    "schedule": ("accuracy", 0.02, 0.05),  # LR scheduler: +2-5%
    "pretrained_rate": ("accuracy", 0.05, 0.10),  # Differential LR: +5-10% accuracy
}
"""The report's table of expected impact."""


def declared(**changes: Any) -> AdviceDeclaration:
    """The study as `conf/base` declares it, with whole keys replaced."""
    return AdviceDeclaration.model_validate(block("anchored_multimodal_advice") | changes)
