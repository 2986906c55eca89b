"""What is measured: as in the study whose configurations are examined."""

from __future__ import annotations

from latentlab.studies.anchored_multimodal.evaluation import evaluate, pictures, predict

__all__ = ["evaluate", "pictures", "predict"]
