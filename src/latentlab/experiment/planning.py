"""From a declaration and its data to the trials of a study, and to tables of what they became."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError, together
from latentlab.data import Prepared, prepare
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.same_data import require_prepared
from latentlab.experiment.study import Made, Study
from latentlab.training.data import split_validation, steps_per_epoch
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial
from latentlab.training.trial_files import TrialRecord


def prepare_data(study: Study, declaration: Declaration, raw: Path) -> Prepared:
    """Read the study's data and refuse what no arm could be trained on.

    Args:
        study: whose data it is.
        declaration: names the data set.
        raw: the folder `01_raw`; the data set's files lie in a folder of its name.

    Raises:
        UserError: missing or corrupt files, unusable data, fewer examples than a batch.
    """
    name = declaration.dataset
    prepared = prepare(name, declaration.dataset_config.source, raw / name)
    prepared = declaration.transform_data(prepared, raw / name)
    mistakes: list[UserError] = []
    for trial in plan_trials(study, declaration, prepared, "float32")[: len(declaration.configs)]:
        try:
            whole_batches(prepared, trial)
        except UserError as error:
            mistakes.append(UserError(f"{study.name}.arms.{trial.arm}: {error.what}", error.remedy))
    if mistakes:
        raise together(mistakes)
    return prepared


def whole_batches(prepared: Prepared, trial: Trial) -> None:
    """Refuse a trial that has fewer examples than a batch.

    Raises:
        UserError: it has.
    """
    steps_per_epoch(training_examples(prepared, trial), trial.config.training.batch_size)


def training_examples(prepared: Prepared, trial: Trial) -> int:
    """Return how many examples a trial trains on, once validation is split off."""
    labels = np.asarray(prepared.splits["train"].labels)
    if "validation" in prepared.splits:
        return len(labels)
    return len(split_validation(labels, trial.stream, trial.config.training.validation_fraction)[0])


def plan_trials(
    study: Study, declaration: Declaration, made_from: Made, precision: str
) -> list[Trial]:
    """Return every arm with every seed: seeds outside, so that arms of a seed stand together.

    Raises:
        UserError: the prepared data is another data set than the declared one.
    """
    require_prepared(study, declaration, made_from.name)
    return [
        study.trial(declaration, arm, seed, config, made_from.fingerprint, precision)
        for seed in declaration.seeds.numbers()
        for arm, config in declaration.configs.items()
    ]


def trial_table(
    trials: Sequence[Trial], store: TrialStore, trained: frozenset[str]
) -> pd.DataFrame:
    """Return one row per planned trial that is stored.

    Args:
        trials: the planned trials.
        store: where they are.
        trained: ids of those that this run trained; the others are reused.

    Returns:
        Columns trial_id, arm, seed, reused, config (JSON), and those of `TrialRecord`.
    """
    rows = []
    for trial in trials:
        record = vars(store.record(trial.id)).copy()
        del record["id"]
        versions = record.pop("versions")
        rows.append(
            {
                "trial_id": trial.id,
                "arm": trial.arm,
                **record,
                "reused": trial.id not in trained,
                "config": json.dumps(trial.config.model_dump(mode="json")),
                "versions": json.dumps(versions),
            }
        )
    of_record = [one.name for one in fields(TrialRecord) if one.name not in ("id", "versions")]
    # Named for a table without rows: another driver may have trained all trials of a sweep.
    columns = ["trial_id", "arm", *of_record, "reused", "config", "versions"]
    return pd.DataFrame(rows, columns=columns)


def history_table(trials: Sequence[Trial], store: TrialStore) -> pd.DataFrame:
    """Return scores per epoch: columns trial_id, arm, seed, epoch (from 1), step, metric, value."""
    parts: list[tuple[Trial, str, NDArray[np.int64], int, NDArray[np.float64]]] = []
    for trial in trials:
        epoch_steps = store.record(trial.id).epoch_steps
        for metric, taken in store.history(trial.id).items():
            values = np.array(taken, dtype=float)
            there = np.flatnonzero(~np.isnan(values))
            parts.append((trial, metric, there + 1, epoch_steps, values[there]))
    # One table of all: a frame for each trial would cost milliseconds each.
    counts = [len(epochs) for _, _, epochs, _, _ in parts]
    return pd.DataFrame(
        {
            "trial_id": np.repeat([trial.id for trial, *_ in parts], counts),
            "arm": np.repeat([trial.arm for trial, *_ in parts], counts),
            "seed": np.repeat([trial.seed for trial, *_ in parts], counts),
            "epoch": _joined([epochs for _, _, epochs, _, _ in parts], np.int64),
            "step": _joined([epochs * steps for _, _, epochs, steps, _ in parts], np.int64),
            "metric": np.repeat([metric for _, metric, *_ in parts], counts),
            "value": _joined([values for *_, values in parts], np.float64),
        }
    )


def _joined(parts: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    """Return parts one after the other, of which there may be none."""
    return np.concatenate([np.empty(0, dtype), *parts])
