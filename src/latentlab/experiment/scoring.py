"""Scores of trained trials: one tidy table, from which everything after is a pure function.

What was measured once is kept: a run in which everything is known evaluates nothing again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from latentlab.data import Prepared
from latentlab.evidence.tables import NO_EXAMPLES, Examples
from latentlab.experiment.measurements import (
    kept_values,
    load_arrays,
    load_values,
    save_arrays,
    save_values,
)
from latentlab.experiment.same_data import require_same_data
from latentlab.experiment.study import Study
from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.example_mean import ExampleMean
from latentlab.training.contract import DataSpec
from latentlab.training.data import data_spec, split_validation
from latentlab.training.store import PROGRAM, TrialStore, lost, require_whole, written_scores

SCORE_COLUMNS = ["trial_id", "arm", "seed", "split", "metric", "value"]

SCORES, EXAMPLES = "scores.json", "examples.npz"
"""Files beside a trial's weights."""

_FORM = {"form": 2}
"""Of the values of examples: all of a split, NaN where a metric leaves one out."""


def score_trials(
    study: Study,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    wanted: Collection[str] = ("validation", "test"),
    anew: bool = False,
    with_examples: bool = False,
) -> pd.DataFrame:
    """Return scores of every trial that did not diverge, on its validation and on the test split.

    Scores are computed once and kept beside the trial's weights, in `scores.json`, until the
    weights or the version of the study's evaluation change; and in `examples.npz`, for metrics that
    are means over examples, the values of these, of splits that are the same for all seeds.

    Args:
        study: says what is measured.
        trials: from `trial_table`.
        prepared: the data.
        store: where the weights are.
        device: where to compute.
        wanted: the splits to evaluate; a search leaves the test split closed.
        anew: compute what is kept too, and keep nothing: to verify it.
        with_examples: evaluate anew what was scored before values of examples were kept.

    Returns:
        Columns trial_id, arm, seed, split, metric, value.

    Raises:
        UserError: the trials were trained on other data, or one of them is damaged.
    """
    require_same_data(study, trials, prepared.fingerprint)
    data = _Splits(prepared, device)
    rows: list[tuple[str, str, int, str, str, float]] = []
    for row in (row for _, row in trials.iterrows()):
        key = (row["trial_id"], row["arm"], int(row["seed"]))
        rows.append((*key, "train", "training_seconds_share", float(row["seconds"])))
        if lost(row["status"]):
            continue
        folder = store.folder(row["trial_id"])
        require_whole(folder)
        if study.runs_programs:
            scores = written_scores(folder)
        elif anew:
            scores = _computed(study, folder, data, wanted)
        else:
            identity = _identity(study, str(row["weights_digest"]))
            scores = _known_or_computed(study, folder, identity, data, wanted, with_examples)
        for split in wanted:
            known = scores.get(split, {})
            rows += [(*key, split, metric, value) for metric, value in known.items()]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def kept_examples(
    study: Study, trials: pd.DataFrame, store: TrialStore, prepared: Prepared
) -> Examples:
    """Return where the values of single examples are found, and which belong together.

    There are none where a trial was scored before they were kept, or kept as they are now.
    """
    if study.runs_programs:
        return NO_EXAMPLES
    digests = dict(zip(trials["trial_id"], trials["weights_digest"], strict=True))

    def of_trial(trial_id: str) -> dict[str, NDArray[Any]] | None:
        if trial_id not in digests:
            return None
        identity = _identity(study, str(digests[trial_id]))
        return load_arrays(store.folder(trial_id) / EXAMPLES, identity | _FORM)

    groups = {name: split.groups for name, split in prepared.splits.items()}
    known = {name: one for name, one in groups.items() if one is not None}
    return Examples(of_trial, known, prepared.grouping)


def _identity(study: Study, weights_digest: str) -> dict[str, Any]:
    """Return what the scores of a trial depend on."""
    return {"evaluation": study.evaluation.VERSION, "weights": weights_digest}


def _known_or_computed(
    study: Study,
    folder: Path,
    identity: dict[str, Any],
    data: _Splits,
    wanted: Collection[str],
    with_examples: bool,
) -> dict[str, dict[str, float]]:
    """Return a trial's scores by split and metric; those that are not kept yet are computed."""
    path = folder / SCORES
    scores: dict[str, dict[str, float]] = load_values(path, identity) or {}
    lacking = with_examples and load_arrays(folder / EXAMPLES, identity | _FORM) is None
    missing = [split for split in wanted if split not in scores or lacking]
    if missing:
        computed = _computed(study, folder, data, missing)
        # Before the scores: whoever finds these finds the values too.
        _keep_examples(folder / EXAMPLES, identity | _FORM, computed, data)
        # What is known stays: another machine may differ in the last digit.
        scores = computed | scores
        save_values(path, identity, scores)
    return scores


def _keep_examples(
    path: Path,
    identity: Mapping[str, Any],
    computed: Mapping[str, Mapping[str, float]],
    data: _Splits,
) -> None:
    """Keep the values of single examples, of splits that are the same for all seeds."""
    fixed = {split: scores for split, scores in computed.items() if data.official(split)}
    if values := _example_values(fixed):
        save_arrays(path, identity, (load_arrays(path, identity) or {}) | values)


def _computed(
    study: Study, folder: Path, data: _Splits, wanted: Collection[str]
) -> dict[str, dict[str, float]]:
    model = study.restore(folder, data.spec, data.device)
    scores = {}
    for split in wanted:
        examples = data.examples(split, model)
        with model.drawing(f"scores/{split}"):
            scores[split] = study.evaluation.evaluate(model, *examples)
    return scores


def _example_values(computed: Mapping[str, Mapping[str, float]]) -> dict[str, NDArray[Any]]:
    """Return `split/metric` -> values of single examples, of scores that know them."""
    return {
        f"{split}/{metric}": score.values
        for split, scores in computed.items()
        for metric, score in scores.items()
        if isinstance(score, ExampleMean)
    }


def altered_examples(
    study: Study,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    tolerance: float,
) -> dict[str, str]:
    """Trials whose weights do not give the values of single examples that are kept with them.

    Args:
        study: says what is measured.
        trials: from `trial_table`, trained on these data.
        prepared: the data.
        store: where the trials are.
        device: where to compute.
        tolerance: relative difference that values may have.

    Returns:
        Trial id -> what is wrong, in a clause.
    """
    data, examples, found = (
        _Splits(prepared, device),
        kept_examples(study, trials, store, prepared),
        {},
    )
    for trial_id in trials["trial_id"]:
        kept = examples.of_trial(trial_id)
        if kept is None:
            continue
        splits = {key.partition("/")[0] for key in kept}
        again = _example_values(_computed(study, store.folder(trial_id), data, splits))
        if kept.keys() != again.keys() or not all(
            np.allclose(kept[key], again[key], rtol=tolerance, atol=tolerance, equal_nan=True)
            for key in kept
        ):
            found[trial_id] = "its weights give other values of single examples than are kept"
    return found


def altered_trials(scores: pd.DataFrame, store: TrialStore) -> dict[str, str]:
    """Trials whose scores in a table are not those that were measured and kept with them.

    Args:
        scores: trial_id, split, metric, value.
        store: where the trials are.

    Returns:
        Trial id -> what is wrong, in a clause.
    """
    found = {}
    for trial_id, rows in scores.groupby("trial_id"):
        folder = store.folder(str(trial_id))
        path, program = folder / SCORES, (folder / PROGRAM).exists()
        if not (path.exists() or program):
            continue
        kept = written_scores(folder) if program else kept_values(path)
        if kept is None:
            found[str(trial_id)] = "its file of scores was edited"
            continue
        for split, metric, value in rows[["split", "metric", "value"]].itertuples(index=False):
            measured = kept.get(split, {}).get(metric)
            # Equality first: it is a hundred times cheaper, and nearly always so.
            if measured is None or value == measured:
                continue
            if not np.isclose(value, measured, rtol=1e-12, equal_nan=True):
                found[str(trial_id)] = f"its {metric} is not the one that was measured"
    return found


class _Splits:
    """The examples that models are evaluated on, on the device once they are asked for."""

    def __init__(self, prepared: Prepared, device: torch.device) -> None:
        self.device = device
        self._prepared = prepared
        self._loaded: dict[tuple[str, int, float], tuple[torch.Tensor, torch.Tensor]] = {}

    @cached_property
    def spec(self) -> DataSpec:
        """What a model must know about the data."""
        return data_spec(self._prepared)

    def official(self, split: str) -> bool:
        """Say whether the data set brings the split; else each seed draws it for itself."""
        return split in self._prepared.splits

    def examples(self, split: str, model: TrainedModel) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features and labels of a split; one that is split off, by seed and share."""
        official = self.official(split)
        fraction = 0.0 if official else model.config.training.validation_fraction
        key = (split, 0 if official else model.stream, fraction)
        if key not in self._loaded:
            source = self._prepared.splits[split if official else "train"]
            features, labels = source.features, source.labels
            if not official:
                held_out = split_validation(np.asarray(labels), model.stream, fraction)[1]
                features, labels = features[held_out], labels[held_out]
            scale = self._prepared.schema.scale
            self._loaded[key] = on_device(features, labels, scale, self.device)
        return self._loaded[key]


def collect_scores(
    trials: pd.DataFrame, measured: pd.DataFrame, timings: pd.DataFrame
) -> pd.DataFrame:
    """Return all scores of a study in one table: those of the weights and the times of the arms."""
    names = trials[["trial_id", "arm", "seed"]]
    alone = names.merge(timings, on=["arm", "seed"]).rename(columns={"seconds": "value"})
    alone = alone.assign(split="train", metric="step_seconds_alone")
    return pd.concat([measured, alone[SCORE_COLUMNS]], ignore_index=True)


def on_device(
    features: NDArray[Any], labels: NDArray[np.int64], scale: float, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features in [0, 1] and labels as tensors."""
    return (
        torch.from_numpy(np.array(features)).to(device).float() / scale,
        torch.from_numpy(np.array(labels)).to(device),
    )
