"""What figures show of trained models: reconstructions and latent samples, kept with each trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from latentlab.data import Prepared
from latentlab.experiment.measurements import load_arrays, save_arrays
from latentlab.experiment.same_data import require_same_data
from latentlab.experiment.study import Study
from latentlab.experiment.trial_scores import on_device
from latentlab.training.data import data_spec
from latentlab.training.store import TrialStore
from latentlab.training.trial_files import require_whole

PICTURES = "pictures.npz"
"""File beside a trial's weights."""

PICTURED = 10
"""Test examples whose reconstructions are shown."""
SCATTERED = 1000
"""Test examples whose latent samples are shown."""


def draw_pictures(
    study: Study, trials: pd.DataFrame, prepared: Prepared, store: TrialStore
) -> dict[str, NDArray[Any]]:
    """Return arrays for the figures, from the first seed of every arm.

    What a study pictures of a trial is kept beside its weights, in `pictures.npz`, as its scores.

    Returns:
        `originals` [n, c, h, w], `labels` [m], `classes` (the names of the labels), and per arm
        what the study pictures, such as `reconstruction/<arm>` [n, c, h, w] and `latent/<arm>`
        [m, latent]; an arm whose trial diverged is left out.

    Raises:
        UserError: the trials were trained on other data, or one of them is damaged.
    """
    require_same_data(study, trials, prepared.fingerprint)
    spec, test = data_spec(prepared), prepared.splits["test"]
    count = min(SCATTERED, len(test))
    # Evenly spaced, since a data set's order may carry meaning.
    positions = np.linspace(0, len(test) - 1, count).astype(int)
    cpu = torch.device("cpu")
    features, labels = on_device(
        test.features[positions], test.labels[positions], prepared.schema.scale, cpu
    )
    arrays: dict[str, NDArray[Any]] = {
        "originals": features[:PICTURED].numpy(),
        "labels": labels.numpy(),
        "classes": np.array(prepared.schema.classes),
    }
    for arm, group in trials.groupby("arm", sort=False):
        row = group.sort_values("seed").iloc[0]
        if row["status"] == "diverged":
            continue
        folder = store.folder(row["trial_id"])
        require_whole(folder)
        identity = {
            "evaluation": study.evaluation.VERSION,
            "weights": str(row["weights_digest"]),
            "examples": [PICTURED, count],
        }
        pictures = load_arrays(folder / PICTURES, identity)
        if pictures is None:
            model = study.restore(folder, spec, cpu)
            with model.drawing("pictures"):
                pictures = study.evaluation.pictures(model, features)
            if "reconstruction" in pictures:
                pictures["reconstruction"] = pictures["reconstruction"][:PICTURED]
            save_arrays(folder / PICTURES, identity, pictures)
        arrays |= {f"{kind}/{arm}": array for kind, array in pictures.items()}
    return arrays
