"""Scores of one trained trial: computed once, and kept beside its weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentlab.data import Prepared
from latentlab.experiment.measurements import load_arrays, load_values, save_arrays, save_values
from latentlab.experiment.study import Study
from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.example_mean import ExampleMean
from latentlab.training.contract import DataSpec
from latentlab.training.data import data_spec, split_validation

SCORES, EXAMPLES = "scores.json", "examples.npz"
"""Files beside a trial's weights."""

FORM = {"form": 2}
"""Of the values of examples: all of a split, NaN where a metric leaves one out."""


def identity_of(study: Study, weights_digest: str) -> dict[str, Any]:
    """Return what the scores of a trial depend on."""
    return {"evaluation": study.evaluation.VERSION, "weights": weights_digest}


def known_or_computed(
    study: Study,
    folder: Path,
    identity: dict[str, Any],
    data: Splits,
    wanted: Collection[str],
    with_examples: bool,
) -> dict[str, dict[str, float]]:
    """Return a trial's scores by split and metric; those that are not kept yet are computed."""
    path = folder / SCORES
    scores: dict[str, dict[str, float]] = load_values(path, identity) or {}
    lacking = with_examples and load_arrays(folder / EXAMPLES, identity | FORM) is None
    missing = [split for split in wanted if split not in scores or lacking]
    if missing:
        computed = computed_scores(study, folder, data, missing)
        # Before the scores: whoever finds these finds the values too.
        _keep_examples(folder / EXAMPLES, identity | FORM, computed, data)
        # What is known stays: another machine may differ in the last digit.
        scores = computed | scores
        save_values(path, identity, scores)
    return scores


def _keep_examples(
    path: Path,
    identity: Mapping[str, Any],
    computed: Mapping[str, Mapping[str, float]],
    data: Splits,
) -> None:
    """Keep the values of single examples, of splits that are the same for all seeds."""
    fixed = {split: scores for split, scores in computed.items() if data.official(split)}
    if values := example_values(fixed):
        save_arrays(path, identity, (load_arrays(path, identity) or {}) | values)


def computed_scores(
    study: Study, folder: Path, data: Splits, wanted: Collection[str]
) -> dict[str, dict[str, float]]:
    """Evaluate a stored trial; its scores by split and metric."""
    return model_scores(study, study.restore(folder, data.spec, data.device), data, wanted)


def model_scores(
    study: Study, model: TrainedModel, data: Splits, wanted: Collection[str]
) -> dict[str, dict[str, float]]:
    """Evaluate a model; its scores by split and metric."""
    scores = {}
    for split in wanted:
        examples = data.examples(split, model)
        with model.drawing(f"scores/{split}"):
            scores[split] = study.evaluation.evaluate(model, *examples)
    return scores


def example_values(computed: Mapping[str, Mapping[str, float]]) -> dict[str, NDArray[Any]]:
    """Return `split/metric` -> values of single examples, of scores that know them."""
    return {
        f"{split}/{metric}": score.values
        for split, scores in computed.items()
        for metric, score in scores.items()
        if isinstance(score, ExampleMean)
    }


class Splits:
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


def on_device(
    features: NDArray[Any], labels: NDArray[np.int64], scale: float, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features in [0, 1] and labels as tensors."""
    return (
        torch.from_numpy(np.array(features)).to(device).float() / scale,
        torch.from_numpy(np.array(labels)).to(device),
    )
