"""From a declaration and its data to the trials of a study, and to tables of what they became."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError, together
from latentlab.data import Prepared, prepare
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.same_data import require_prepared
from latentlab.experiment.study import Made, Study
from latentlab.training.data import split_validation, steps_per_epoch
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial


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
    return pd.DataFrame(rows)


def history_table(trials: Sequence[Trial], store: TrialStore) -> pd.DataFrame:
    """Return scores per epoch: columns trial_id, arm, seed, epoch (from 1), step, metric, value."""
    frames = []
    for trial in trials:
        history = store.history(trial.id)
        wide = pd.DataFrame(history, dtype=float)
        epochs = np.arange(1, len(wide) + 1)
        wide = wide.assign(epoch=epochs, step=epochs * store.record(trial.id).epoch_steps)
        long = wide.melt(["epoch", "step"], var_name="metric").dropna(subset="value")
        frames.append(long.assign(trial_id=trial.id, arm=trial.arm, seed=trial.seed))
    columns = ["trial_id", "arm", "seed", "epoch", "step", "metric", "value"]
    return pd.concat(frames, ignore_index=True).reindex(columns=columns)
