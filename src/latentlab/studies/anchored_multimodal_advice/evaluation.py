"""What is measured: as in the study whose configurations are examined."""

from __future__ import annotations

from latentlab.studies.anchored_multimodal.evaluation import VERSION, evaluate, pictures, predict

__all__ = ["VERSION", "evaluate", "pictures", "predict"]
