"""The studies: those with code, of which each adds one line, and those that `conf/` declares."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from latentlab.experiment.study import Study
from latentlab.studies.declared import declared_programs

NAMES = [
    "derp_vae",
    "mixture_harmonium",
    "arc_classifier",
    "least_volume",
    "anchored_multimodal",
    "anchored_multimodal_advice",
    "vae_objectives",
]

STUDIES: dict[str, Study] = {
    name: import_module(f"latentlab.studies.{name}").STUDY for name in NAMES
} | declared_programs(Path.cwd(), NAMES)
