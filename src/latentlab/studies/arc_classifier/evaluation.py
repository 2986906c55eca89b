"""What is measured on trained weights, drawn for figures, and answered by a registered model."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from latentlab.experiment.trained_model import TrainedModel
from latentlab.metrics.classification import classification_scores, confusion_table, recalls
from latentlab.metrics.example_mean import ExampleMean
from latentlab.studies.arc_classifier.metrics import batch_mean_accuracy, by_category
from latentlab.studies.arc_classifier.model import TaskClassifier
from latentlab.studies.arc_classifier.tasks import demonstrations, tokens_of

VERSION = 1
"""Raised when a score or a picture of the same model changes."""

CHUNK = 64
"""Tasks at a time: bounds memory at tasks x grids x heads x cells x cells."""


def evaluate(model: TrainedModel, features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return all metrics but the times, of one trial on one split; nothing is random.

    Args:
        model: the trial.
        features: [tasks, 2 * pairs, height, width] in [0, 1].
        labels: [tasks].

    Returns:
        Scores by metric name; accuracies of categories where classes have such names.
    """
    _, logits = _answers(model, features)
    predicted = logits.argmax(1)
    table = confusion_table(labels.cpu().numpy(), predicted.cpu().numpy(), model.spec.classes)
    scores = classification_scores(table)
    losses = functional.cross_entropy(logits.double(), labels, reduction="none")
    correct = (predicted == labels).cpu().numpy()
    scores["accuracy"] = ExampleMean(scores["accuracy"], correct)
    scores["cross_entropy"] = ExampleMean(
        float(functional.cross_entropy(logits.double(), labels)), losses.cpu()
    )
    scores["legacy_batch_mean_accuracy"] = batch_mean_accuracy(
        correct, model.config.training.batch_size
    )
    return scores | by_category(recalls(table).tolist(), model.spec.names)


def pictures(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return embeddings `latent` [tasks, embedding] and the classes that are named, `predicted`."""
    embeddings, logits = _answers(model, features)
    return {"latent": embeddings.cpu().numpy(), "predicted": logits.argmax(1).cpu().numpy()}


def predict(model: TrainedModel, features: Tensor) -> dict[str, NDArray[Any]]:
    """Return the class of each task, `label`, and its `probability`."""
    _, logits = _answers(model, features)
    best = logits.softmax(1).max(1)
    return {"label": best.indices.cpu().numpy(), "probability": best.values.cpu().numpy()}


@torch.no_grad()
def _answers(model: TrainedModel, features: Tensor) -> tuple[Tensor, Tensor]:
    """Return embeddings [tasks, embedding] and logits [tasks, classes]."""
    classifier: TaskClassifier = model.module
    parts = [
        classifier.embed(demonstrations(tokens_of(chunk), None), {}, model.hyper)
        for chunk in features.split(CHUNK)
    ]
    embeddings = torch.cat(parts)
    return embeddings, classifier.logits(embeddings, model.hyper["model.temperature"])
