"""Registers a study's chosen model with the alias `champion`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import torch
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from latentlab.data import Prepared
from latentlab.studies.registry import STUDIES
from latentlab.tracking.finished_runs import MODEL_FACTS
from latentlab.training.data import data_spec, split_validation

REQUIREMENTS = ("torch", "numpy", "pandas", "safetensors", "pydantic", "scipy", "scikit-learn")
"""What the model needs beside latentlab; given, because guessing them costs seconds."""

EXAMPLES = 2
"""Examples of the validation split that are logged with the model, as its pages show them."""


def register_champion(
    study: str, champion: Mapping[str, Any], folder: Path, prepared: Prepared, run: str
) -> None:
    """Log the chosen trial as a model of its run, register it, and move the alias to it.

    Args:
        study: name of the study and of the registered model.
        champion: from `choose_champion`.
        folder: the stored trial.
        prepared: says what the model's inputs are.
        run: the trial's run; the model itself is logged in the active one, the parent.
    """
    client = mlflow.MlflowClient()
    known = _version_of(client, study, champion["trial_id"])
    if known is None:
        schema = prepared.schema
        example, answers = _example(study, folder, prepared)
        parts = schema.parts and schema.parts.model_dump(mode="json")
        facts = (study, list(schema.shape), len(schema.classes), schema.scale, parts)
        model = mlflow.pyfunc.log_model(
            name="champion",
            python_model=str(Path(__file__).with_name("champion_model.py")),
            artifacts={"trial": str(folder)},
            model_config=dict(zip(MODEL_FACTS, facts, strict=True)),
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            signature=mlflow.models.infer_signature(example, answers),
            input_example=example,
            params={k: str(champion[k]) for k in ("arm", "seed", "metric", "split")},
            tags={"trial_id": champion["trial_id"], "run": run},
        )
        with contextlib.suppress(MlflowException):
            client.create_registered_model(study)
        tags = {"trial_id": champion["trial_id"]}
        # A server asks for the model's id too.
        made = client.create_model_version(
            study,
            model.model_uri,
            model.run_id,
            tags,
            description=_card(study, champion),
            model_id=model.model_id,
        )
        known = str(made.version)
    client.set_registered_model_alias(study, "champion", known)


def _example(
    study: str, folder: Path, prepared: Prepared
) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Return a few examples of the trial's validation split, raw [n, numbers], and its answers."""
    cpu = torch.device("cpu")
    model = STUDIES[study].restore(folder, data_spec(prepared), cpu)
    official, train = prepared.splits.get("validation"), prepared.splits["train"]
    if official is not None:
        seen = official.features[:EXAMPLES]
    else:
        fraction = model.config.training.validation_fraction
        held_out = split_validation(np.asarray(train.labels), model.stream, fraction)[1]
        seen = train.features[held_out[:EXAMPLES]]
    raw = np.asarray(seen, dtype=np.float32)
    features = torch.from_numpy(raw) / prepared.schema.scale
    answers = pd.DataFrame(STUDIES[study].evaluation.predict(model, features))
    return raw.reshape(len(raw), -1), answers


def _card(study: str, champion: Mapping[str, Any]) -> str:
    """Say what was chosen and how, so that nobody takes the best of many for the typical."""
    score = f"{champion['split']} {champion['metric']}"
    return (
        f"Study {study}, arm {champion['arm']}, seed {champion['seed']}: of the arm with the best "
        f"mean {score} ({champion['arm_mean']:.4g} over {champion['arm_seeds']} seeds) the trial "
        f"with the best one ({champion['value']:.4g}). The run that this version comes from has "
        "the verdicts of the study."
    )


def _version_of(client: mlflow.MlflowClient, study: str, trial_id: str) -> str | None:
    """The version that a trial was registered as before."""
    found = client.search_model_versions(f"name = '{study}' and tag.trial_id = '{trial_id}'")
    return str(found[0].version) if found else None
