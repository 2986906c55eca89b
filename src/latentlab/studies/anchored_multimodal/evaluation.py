"""What is measured on trained weights, drawn for figures, and answered by a registered model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from latentlab.data.image_text_layout import GROUPS
from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.classification import confusion_table, f1_scores, precisions, recalls
from latentlab.metrics.example_mean import ExampleMean
from latentlab.studies.anchored_multimodal.anchors import anchors, pair_distances
from latentlab.studies.anchored_multimodal.metrics import (
    GROUP_WEIGHT,
    group_accuracy,
    group_cross_entropy,
)
from latentlab.studies.anchored_multimodal.model import MultimodalModel
from latentlab.studies.anchored_multimodal.samples import unpack

VERSION = 1
"""Raised when a score or a picture of the same model changes."""

CHUNK = 64
"""Samples at a time: bounds memory at samples x channels x pixels."""


@torch.no_grad()
def evaluate(model: TrainedModel, features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return all metrics but the times, of one trial on one split; nothing is random.

    Args:
        model: the trial.
        features: [samples, 1, 1, parts.length] in [0, 1].
        labels: [samples].

    Returns:
        Scores by metric name. Of a group that the split lacks there are none, nor scores that need
        both groups.
    """
    _, logits, groups = _answers(model, features)
    predicted = logits.argmax(1)
    correct = (predicted == labels).double()
    losses = functional.cross_entropy(logits.double(), labels, reduction="none")
    table = confusion_table(labels.cpu().numpy(), predicted.cpu().numpy(), model.spec.classes)
    scores = {
        "accuracy": ExampleMean.of(correct),
        "macro_precision": float(np.nanmean(precisions(table))),
        "macro_recall": float(np.nanmean(recalls(table))),
        "macro_f1": float(np.nanmean(f1_scores(table))),
        "cross_entropy": ExampleMean.of(losses),
    }
    accuracies = []
    for number, group in enumerate(GROUPS):
        members = groups == number
        if members.any():
            accuracies.append(ExampleMean.of(correct, members))
            scores[group_accuracy(group)] = accuracies[-1]
            scores[group_cross_entropy(group)] = ExampleMean.of(losses, members)
    if len(accuracies) == len(GROUPS):
        scores["worst_group_accuracy"] = float(min(accuracies))
        scores["balanced_group_accuracy"] = float(np.mean(accuracies))
    distances = _anchor_distances(model)
    if distances is not None:
        scores["anchor_distance"] = float(distances.mean())
        scores["nearest_anchor_distance"] = float(distances.min())
    if model.config.objective.groups.objective == "weighted":
        scores[GROUP_WEIGHT] = float(model.state["group_weights"][0])
    return scores


@torch.no_grad()
def pictures(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return arrays for figures; nothing is random.

    Returns:
        `latent` [samples, latent]; `predicted`, the classes that are named, [samples]; `group`, the
        samples' group numbers, [samples]; `anchor_distances`, squared, [classes, classes], only
        where anchors are trained.
    """
    latents, logits, groups = _answers(model, features)
    tensors = {"latent": latents, "predicted": logits.argmax(1), "group": groups}
    arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    distances = _anchor_distances(model)
    if distances is not None:
        classes = model.spec.classes
        table = np.zeros((classes, classes))
        table[np.triu_indices(classes, 1)] = distances.cpu().numpy()
        arrays["anchor_distances"] = table + table.T
    return arrays


@torch.no_grad()
def predict(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return the class of each sample, `label`, and its `probability`."""
    _, logits, _ = _answers(model, features)
    best = logits.softmax(1).max(1)
    return {"label": best.indices.cpu().numpy(), "probability": best.values.cpu().numpy()}


def _answers(model: TrainedModel, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return latents [samples, latent], logits [samples, classes] and group numbers [samples]."""
    multimodal: MultimodalModel = model.module
    answers = []
    for chunk in features.split(CHUNK):
        samples = unpack(chunk, multimodal.parts)
        z, _ = multimodal.encode(samples, model.state, {}, model.hyper, training=False)
        answers.append((z, multimodal.head(z), samples.group))
    latents, logits, groups = (torch.cat(parts) for parts in zip(*answers, strict=True))
    return latents, logits, groups


def _anchor_distances(model: TrainedModel) -> Tensor | None:
    """Return squared distances of all pairs of anchors, float64 [pairs]; None if none is trained.

    The pairs are in the order of `numpy.triu_indices(classes, 1)`.
    """
    multimodal: MultimodalModel = model.module
    objective = model.config.objective
    if not (objective.fit_weight or objective.separation_weight):
        return None
    floor = model.hyper["objective.anchor_floor"].double()
    means = multimodal.anchor_means.double()
    factors = multimodal.anchor_factors.double()
    return pair_distances(anchors(means, factors, floor), floor)
