"""The studies that ship with the project. A new study adds one line."""

from __future__ import annotations

from latentlab.studies.derp_vae import STUDY as DERP_VAE
from latentlab.studies.study import Study

STUDIES: dict[str, Study] = {study.name: study for study in (DERP_VAE,)}
