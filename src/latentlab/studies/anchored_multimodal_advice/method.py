"""The formulas: those of the study whose configurations are examined."""

from __future__ import annotations

from latentlab.studies.anchored_multimodal.method import METHOD

__all__ = ["METHOD"]
