"""Digits and a store for small trials of the VAE with planted faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.planted_vae import STUDY, declaration
from labs.trainer import INLINE, write_digits
from latentlab.data import load_prepared
from latentlab.experiment.examination.cohort import Setting
from latentlab.training.store import TrialStore

SMALL = {
    "model": {"latent_dim": 4, "hidden": 32},
    "training": {"epochs": 8, "batch_size": 32, "learning_rate": 0.006, "validate_every": 8},
}


@pytest.fixture(scope="package")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    root: Path = tmp_path_factory.mktemp("examination")
    prepared = load_prepared(write_digits(root / "prepared", 600))
    compute = INLINE.model_copy(update={"cohort": 32})
    return Setting(STUDY, declaration(SMALL), compute, prepared, TrialStore(root / "store"))
