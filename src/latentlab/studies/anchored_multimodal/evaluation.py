"""What is measured on trained weights, drawn for figures, and answered by a registered model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from latentlab.data.image_text_layout import GROUPS
from latentlab.metrics.classification import confusion_table, f1_scores, precisions, recalls
from latentlab.studies.anchored_multimodal.anchors import anchors, pair_distances
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.metrics import (
    GROUP_WEIGHT,
    group_accuracy,
    group_cross_entropy,
)
from latentlab.studies.anchored_multimodal.model import MultimodalModel
from latentlab.studies.anchored_multimodal.samples import unpack
from latentlab.training.contract import DataSpec, Tensors
from latentlab.training.per_trial import per_trial_values

CHUNK = 64
"""Samples at a time: bounds memory at samples x channels x pixels."""


class _Trained(NamedTuple):
    """A trained trial, ready to be asked."""

    model: MultimodalModel
    state: Tensors
    hyper: Tensors

    def answers(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latents [samples, latent], logits [samples, classes] and group numbers [samples]."""
        found = []
        for chunk in features.split(CHUNK):
            samples = unpack(chunk, self.model.parts)
            z, _ = self.model.encode(samples, self.state, {}, self.hyper, training=False)
            found.append((z, self.model.head(z), samples.group))
        latents, logits, groups = (torch.cat(parts) for parts in zip(*found, strict=True))
        return latents, logits, groups

    def anchor_distances(self) -> Tensor | None:
        """Squared distances of all pairs of anchors, float64 [pairs]; None where none is trained.

        The pairs are in the order of `numpy.triu_indices(classes, 1)`.
        """
        objective = self.model.config.objective
        if not (objective.fit_weight or objective.separation_weight):
            return None
        floor = self.hyper["objective.anchor_floor"].double()
        means, factors = self.model.anchor_means.double(), self.model.anchor_factors.double()
        return pair_distances(anchors(means, factors, floor), floor)


@torch.no_grad()
def evaluate(
    config: AnchoredMultimodalConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    labels: Tensor,
    stream: int,
) -> dict[str, float]:
    """All metrics but the times, of one trial on one split.

    Args:
        config: the trial's configuration.
        spec: shape, classes and parts of the data.
        weights: stored tensors of the trial.
        features: [samples, 1, 1, parts.length] in [0, 1].
        labels: [samples].
        stream: not needed; nothing is random.

    Returns:
        Scores by metric name. Of a group that the split lacks there are none, nor scores that need
        both groups.
    """
    trained = _restore(config, spec, weights)
    _, logits, groups = trained.answers(features)
    predicted = logits.argmax(1)
    correct = (predicted == labels).double()
    losses = functional.cross_entropy(logits.double(), labels, reduction="none")
    table = confusion_table(labels.cpu().numpy(), predicted.cpu().numpy(), spec.classes)
    scores = {
        "accuracy": float(correct.mean()),
        "macro_precision": float(np.nanmean(precisions(table))),
        "macro_recall": float(np.nanmean(recalls(table))),
        "macro_f1": float(np.nanmean(f1_scores(table))),
        "cross_entropy": float(losses.mean()),
    }
    accuracies = []
    for number, group in enumerate(GROUPS):
        members = groups == number
        if members.any():
            accuracies.append(float(correct[members].mean()))
            scores[group_accuracy(group)] = accuracies[-1]
            scores[group_cross_entropy(group)] = float(losses[members].mean())
    if len(accuracies) == len(GROUPS):
        scores["worst_group_accuracy"] = min(accuracies)
        scores["balanced_group_accuracy"] = float(np.mean(accuracies))
    distances = trained.anchor_distances()
    if distances is not None:
        scores["anchor_distance"] = float(distances.mean())
        scores["nearest_anchor_distance"] = float(distances.min())
    if config.objective.groups.objective == "weighted":
        scores[GROUP_WEIGHT] = float(trained.state["group_weights"][0])
    return scores


@torch.no_grad()
def pictures(
    config: AnchoredMultimodalConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
    stream: int,
) -> dict[str, NDArray[Any]]:
    """Arrays for figures; nothing is random.

    Returns:
        `latent` [samples, latent]; `predicted`, the classes that are named, [samples]; `group`, the
        samples' group numbers, [samples]; `anchor_distances`, squared, [classes, classes], only
        where anchors are trained.
    """
    trained = _restore(config, spec, weights)
    latents, logits, groups = trained.answers(features)
    arrays = {"latent": latents, "predicted": logits.argmax(1), "group": groups}
    found = {name: array.cpu().numpy() for name, array in arrays.items()}
    distances = trained.anchor_distances()
    if distances is not None:
        table = np.zeros((spec.classes, spec.classes))
        table[np.triu_indices(spec.classes, 1)] = distances.cpu().numpy()
        found["anchor_distances"] = table + table.T
    return found


@torch.no_grad()
def predict(
    config: AnchoredMultimodalConfig,
    spec: DataSpec,
    weights: Mapping[str, Tensor],
    features: Tensor,
) -> dict[str, NDArray[Any]]:
    """The class of each sample, `label`, and its `probability`."""
    _, logits, _ = _restore(config, spec, weights).answers(features)
    best = logits.softmax(1).max(1)
    return {"label": best.indices.cpu().numpy(), "probability": best.values.cpu().numpy()}


def _restore(
    config: AnchoredMultimodalConfig, spec: DataSpec, weights: Mapping[str, Tensor]
) -> _Trained:
    """Model, state and hyperparameters of stored weights, where the weights are.

    Not by the method, which would read the file of pretrained weights that training began with.
    """
    device = next(iter(weights.values())).device
    model = MultimodalModel(config, spec, np.random.default_rng(0))
    model.load_state_dict({n: t for n, t in weights.items() if not n.startswith("state.")})
    state = {n.removeprefix("state."): t for n, t in weights.items() if n.startswith("state.")}
    hyper = {n: torch.tensor(v, device=device) for n, v in per_trial_values(config).items()}
    return _Trained(model.to(device), state, hyper)
