"""Scores of methods that are not trained here, on the same splits: arms to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.data import Prepared
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.scoring import SCORE_COLUMNS
from latentlab.experiment.study import Study
from latentlab.training.data import data_spec, split_validation
from latentlab.training.streams import stream_key

Examples = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Features in [0, 1] and labels."""


def score_baselines(
    study: Study, declaration: Declaration, trials: pd.DataFrame, prepared: Prepared
) -> pd.DataFrame:
    """Fit every baseline once per seed, on what that seed's trials were trained on.

    Returns:
        Columns trial_id (`<arm> s<seed>`), arm, seed, split, metric, value; empty for a study
        without baselines.
    """
    rows: list[tuple[str, str, int, str, str, float]] = []
    if not study.baselines:
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)
    spec = data_spec(prepared)
    for seed, data in trials[["seed", "data"]].drop_duplicates().itertuples(index=False, name=None):
        config = declaration.configs[declaration.control(study.control)]
        stream = stream_key(study.name, int(seed), str(data))
        train, splits = _splits(prepared, stream, config.training.validation_fraction)
        found = study.baseline.baselines(config, spec, train, splits, stream)
        rows += [
            (f"{arm} s{seed}", arm, int(seed), split, metric, value)
            for arm, by_split in found.items()
            for split, scores in by_split.items()
            for metric, value in scores.items()
        ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def baseline_trials(study: Study, scores: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Rows for the baselines in a table of trials, as the judge wants one per arm and seed.

    A baseline is fitted in the run whose trials it is compared with: it takes the start of its
    seed's first trial. Its configuration has the one key `baseline`, so that a hypothesis about it
    must say that everything else differs.
    """
    own = scores[scores["arm"].isin(study.baselines)].drop_duplicates("trial_id")
    started = trials.groupby("seed")["started_at"].min()
    return pd.DataFrame(
        {
            "trial_id": own["trial_id"],
            "arm": own["arm"],
            "seed": own["seed"],
            "status": "finished",
            "started_at": own["seed"].map(started),
            "config": [{"baseline": arm} for arm in own["arm"]],
        }
    )


def _splits(
    prepared: Prepared, stream: int, fraction: float
) -> tuple[Examples, dict[str, Examples]]:
    """What a seed trains on, and its validation and test examples."""
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
