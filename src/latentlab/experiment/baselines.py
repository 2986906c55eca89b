"""Scores of methods that are not trained here, on the same splits: arms to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.data import Prepared
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.measurements import load_values, save_values
from latentlab.experiment.scoring import SCORE_COLUMNS
from latentlab.experiment.study import Study
from latentlab.training.config import TrialConfig
from latentlab.training.data import data_spec, split_validation
from latentlab.training.store import TrialStore
from latentlab.training.streams import stream_key

Examples = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Features in [0, 1] and labels."""


def score_baselines(
    study: Study,
    declaration: Declaration,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
) -> pd.DataFrame:
    """Fit every baseline once per seed, on what that seed's trials were trained on.

    Scores are kept in the store's folder `baselines`, a file per seed and data set, until what
    they depend on changes.

    Returns:
        Columns trial_id (`<arm> s<seed>`), arm, seed, split, metric, value; empty for a study
        without baselines.
    """
    rows: list[tuple[str, str, int, str, str, float]] = []
    if not study.baselines:
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)
    config = declaration.configs[declaration.control(study.control)]
    for seed, data in trials[["seed", "data"]].drop_duplicates().itertuples(index=False, name=None):
        stream = stream_key(study.name, int(seed), str(data))
        path = store.root / "baselines" / f"{stream:032x}.json"
        identity = {
            "baselines": study.baseline.VERSION,
            "config": config.model_dump(mode="json"),
        }
        scores = load_values(path, identity)
        if scores is None:
            scores = fitted_baselines(study, config, prepared, stream)
            save_values(path, identity, scores)
        rows += [
            (f"{arm} s{seed}", arm, int(seed), split, metric, value)
            for arm, by_split in scores.items()
            for split, by_metric in by_split.items()
            for metric, value in by_metric.items()
        ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def fitted_baselines(
    study: Study, config: TrialConfig, prepared: Prepared, stream: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Fit every baseline for the seed of a stream; scores by arm, split and metric."""
    train, splits = _splits(prepared, stream, config.training.validation_fraction)
    return study.baseline.baselines(config, data_spec(prepared), train, splits, stream)


def baseline_trials(study: Study, scores: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Return rows for the baselines in a table of trials, one per arm and seed.

    A baseline is compared with the trials of its seed, so it takes the start of the first of them.
    Its configuration has the one key `baseline`, so that a hypothesis about it must say that
    everything else differs.
    """
    scored = scores[scores["arm"].isin(study.baselines)].drop_duplicates("trial_id")
    started = trials.groupby("seed")["started_at"].min()
    return pd.DataFrame(
        {
            "trial_id": scored["trial_id"],
            "arm": scored["arm"],
            "seed": scored["seed"],
            "status": "finished",
            "started_at": scored["seed"].map(started),
            "config": [{"baseline": arm} for arm in scored["arm"]],
        }
    )


def _splits(
    prepared: Prepared, stream: int, fraction: float
) -> tuple[Examples, dict[str, Examples]]:
    """Return what a seed trains on, and its validation and test examples."""
    train, official = prepared.splits["train"], prepared.splits.get("validation")
    scale = np.float32(prepared.schema.scale)
    test = prepared.splits["test"]
    splits = {"test": (_scaled(test.features, scale), test.labels)}
    if official is not None:
        splits["validation"] = (_scaled(official.features, scale), official.labels)
        return (_scaled(train.features, scale), train.labels), splits
    labels = np.asarray(train.labels)
    kept, held = split_validation(labels, stream, fraction)
    splits["validation"] = (_scaled(train.features[held], scale), labels[held])
    return (_scaled(train.features[kept], scale), labels[kept]), splits


def _scaled(features: NDArray[Any], scale: np.float32) -> NDArray[np.float32]:
    return np.asarray(features, dtype=np.float32) / scale
