"""The studies that ship with the project. A new study adds one line."""

from __future__ import annotations

from importlib import import_module

from latentlab.experiment.study import Study

NAMES = [
    "derp_vae",
    "mixture_harmonium",
    "arc_classifier",
    "least_volume",
    "anchored_multimodal",
    "anchored_multimodal_advice",
]

STUDIES: dict[str, Study] = {
    name: import_module(f"latentlab.studies.{name}").STUDY for name in NAMES
}
