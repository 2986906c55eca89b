"""What is measured on trained weights, drawn for figures, and answered by a registered model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from latentlab.metrics.classification import classification_scores, confusion_table, recalls
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.method import METHOD
from latentlab.studies.arc_classifier.metrics import batch_mean_accuracy, by_category
from latentlab.studies.arc_classifier.tasks import demonstrations, tokens_of
from latentlab.training.contract import DataSpec
from latentlab.training.per_trial import per_trial_values

CHUNK = 64
"""Tasks at a time: bounds memory at tasks x grids x heads x cells x cells."""


def evaluate(
    config: ArcClassifierConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    labels: Tensor,
    stream: int,
) -> dict[str, float]:
    """All metrics but the times, of one trial on one split.

    Args:
        config: the trial's configuration.
        spec: shape and classes of the data, with their names.
        weights: stored tensors of the trial.
        features: [tasks, 2 * pairs, height, width] in [0, 1].
        labels: [tasks].
        stream: not needed; nothing is random.

    Returns:
        Scores by metric name; accuracies of categories where classes have such names.
    """
    _, logits = _answers(config, spec, weights, features)
    predicted = logits.argmax(1)
    table = confusion_table(labels.cpu().numpy(), predicted.cpu().numpy(), spec.classes)
    scores = classification_scores(table)
    scores["cross_entropy"] = float(functional.cross_entropy(logits.double(), labels))
    correct = (predicted == labels).cpu().numpy()
    scores["legacy_batch_mean_accuracy"] = batch_mean_accuracy(correct, config.training.batch_size)
    return scores | by_category(recalls(table).tolist(), spec.names)


def pictures(
    config: ArcClassifierConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    stream: int,
) -> dict[str, NDArray[Any]]:
    """Embeddings `latent` [tasks, embedding] and the classes that are named, `predicted`."""
    embeddings, logits = _answers(config, spec, weights, features)
    return {"latent": embeddings.cpu().numpy(), "predicted": logits.argmax(1).cpu().numpy()}


def predict(
    config: ArcClassifierConfig, spec: DataSpec, weights: Mapping[str, Tensor], features: Tensor
) -> dict[str, NDArray[Any]]:
    """The class of each task, `label`, and its `probability`."""
    _, logits = _answers(config, spec, weights, features)
    best = logits.softmax(1).max(1)
    return {"label": best.indices.cpu().numpy(), "probability": best.values.cpu().numpy()}


@torch.no_grad()
def _answers(
    config: ArcClassifierConfig, spec: DataSpec, weights: Mapping[str, Tensor], features: Tensor
) -> tuple[Tensor, Tensor]:
    """Embeddings [tasks, embedding] and logits [tasks, classes]."""
    model = METHOD.build(config, spec, np.random.default_rng(0))
    model.load_state_dict(dict(weights))
    model = model.to(features.device)
    hyper = {
        name: torch.tensor(value, device=features.device)
        for name, value in per_trial_values(config).items()
    }
    parts = [
        model.embed(demonstrations(tokens_of(chunk), None), {}, hyper)
        for chunk in features.split(CHUNK)
    ]
    embeddings = torch.cat(parts)
    return embeddings, model.logits(embeddings, hyper["model.temperature"])
