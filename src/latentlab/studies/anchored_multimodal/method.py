"""Two encoders, anchors and group objectives as the trainer sees them: model, state and loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.data.image_text_layout import GROUPS, VISUAL
from latentlab.studies.anchored_multimodal.anchors import (
    anchors,
    fit,
    separation_by_head,
    separation_by_margin,
)
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.groups import (
    GroupLosses,
    group_losses,
    group_objective,
    start,
    updated,
    waits,
)
from latentlab.studies.anchored_multimodal.model import (
    MultimodalModel,
    initial_state,
    model_noise,
    pretrained_model,
)
from latentlab.studies.anchored_multimodal.samples import unpack
from latentlab.training.contract import Batch, Clock, DataSpec, MethodDefaults, Tensors
from latentlab.training.streams import Noise

TRAINING = "training"
"""The noise whose presence says that this is training; not used otherwise."""
SEPARATION = "separation"


class AnchoredMultimodalMethod(MethodDefaults):
    """A picture or a text to its class, through one latent space.

    State, float32, beside the running statistics of batch normalisation:
        group_weights: q, the weights of the groups' cross-entropies in the next step, [groups].
        group_counts: examples of each group seen in training, [groups]. Their shares stand for
            the training set's, which the model is not told; after one epoch they are those of all
            batches of it.
    """

    name = "anchored_multimodal"
    version = 1

    def build(
        self, config: AnchoredMultimodalConfig, spec: DataSpec, rng: np.random.Generator
    ) -> MultimodalModel:
        """Return a model initialised from `rng`, with a pretrained backbone if one is named."""
        return pretrained_model(config, spec, rng)

    def architecture(
        self, config: AnchoredMultimodalConfig, spec: DataSpec, rng: np.random.Generator
    ) -> MultimodalModel:
        """Return the model without reading the pretrained weights that training began with."""
        return MultimodalModel(config, spec, rng)

    def init_state(
        self, config: AnchoredMultimodalConfig, spec: DataSpec, rng: np.random.Generator
    ) -> Tensors:
        """Return equal group weights and no counts."""
        groups = len(GROUPS)
        return initial_state(config, spec) | {
            "group_weights": torch.full((groups,), 1 / groups),
            "group_counts": torch.zeros(groups),
        }

    def noise_spec(
        self, config: AnchoredMultimodalConfig, spec: DataSpec, batch: int
    ) -> Mapping[str, Noise]:
        """Draws from the anchors, the encoders' dropout, and the mark of training."""
        return {
            **self.evaluation_noise_spec(config, spec, batch),
            **model_noise(config, spec, batch),
            TRAINING: Noise((1,), "uniform"),
        }

    def evaluation_noise_spec(
        self, config: AnchoredMultimodalConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Draws from the anchors, where the head separates them."""
        objective = config.objective
        if not objective.separation_weight or objective.separation != "classifier":
            return {}
        shape = (spec.classes, objective.separation_samples, config.model.latent_dim)
        return {SEPARATION: Noise(shape, "normal")}

    def parameter_multipliers(
        self, config: AnchoredMultimodalConfig
    ) -> Mapping[str, tuple[float, float]]:
        """Give the visual encoder's backbone a learning rate of its own."""
        return {"visual.backbone.": (config.model.backbone_rate, 1.0)}

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return the group objective plus weighted fit and separation; in training a new state too.

        q follows this step's cross-entropies, and is used from the next step on.
        """
        assert isinstance(model, MultimodalModel)
        training = TRAINING in noise
        samples = unpack(batch.features, model.parts)
        z, changed = model.encode(samples, state, noise, hyper, training)
        logits = model.head(z)
        # Roots of eigenvalues need float32, whatever the precision of matrix products.
        with torch.autocast(z.device.type, enabled=False):
            z, logits = z.to(batch.features.dtype), logits.to(batch.features.dtype)
            visual = samples.group == VISUAL
            members = torch.stack([visual, ~visual], dim=1).to(z.dtype)
            each = functional.cross_entropy(logits, batch.labels, reduction="none")
            losses = group_losses(each, members)
            q = state["group_weights"]
            if training:
                q, followed = _weights(state, losses, members, hyper, clock)
                state = state | changed | followed
            terms = _classification_terms(losses, q)
            anchored, added = _anchor_terms(model, z, batch.labels, hyper, noise)
        return group_objective(losses, q, hyper) + added, terms | anchored, state


def _weights(
    state: Tensors,
    losses: GroupLosses,
    members: Tensor,
    hyper: Mapping[str, Tensor],
    clock: Clock,
) -> tuple[Tensor, Tensors]:
    """Return the q of this step, [groups], and the state for the next one."""
    counts = state["group_counts"] + members.sum(0)
    shares = counts / counts.sum()
    waiting = waits(clock.epoch, hyper)
    q = torch.where(waiting, start(shares, hyper), state["group_weights"])
    moved = torch.where(waiting, q, updated(q, losses, shares, hyper))
    return q, {"group_weights": moved, "group_counts": counts}


def _classification_terms(losses: GroupLosses, q: Tensor) -> Tensors:
    """Cross-entropies, nats, an absent group's being that of the batch; and the first group's q."""
    each = torch.where(losses.present, losses.each, losses.mean)
    return {
        "cross_entropy": losses.mean,
        **{f"cross_entropy_{name}": own for name, own in zip(GROUPS, each.unbind(), strict=True)},
        "worst_group_cross_entropy": losses.worst,
        f"group_weight_{GROUPS[0]}": q[0],
    }


def _anchor_terms(
    model: MultimodalModel,
    z: Tensor,
    labels: Tensor,
    hyper: Mapping[str, Tensor],
    noise: Mapping[str, Tensor],
) -> tuple[Tensors, Tensor]:
    """Fit and separation, as far as they have a weight, and their weighted sum."""
    objective = model.config.objective
    floor = hyper["objective.anchor_floor"]
    terms: Tensors = {}
    total = torch.zeros_like(floor)
    if not (objective.fit_weight or objective.separation_weight):
        return terms, total
    anchored = anchors(model.anchor_means, model.anchor_factors, floor)
    if objective.fit_weight:
        form = "cholesky" if objective.legacy.cholesky_fit else objective.covariance
        terms["fit"] = fit(z, labels, anchored, floor, form)
        total = total + hyper["objective.fit_weight"] * terms["fit"]
    if objective.separation_weight:
        terms["separation"] = (
            separation_by_head(anchored, noise[SEPARATION], model.head)
            if objective.separation == "classifier"
            else separation_by_margin(anchored, floor, hyper["objective.separation_margin"])
        )
        total = total + hyper["objective.separation_weight"] * terms["separation"]
    return terms, total


METHOD = AnchoredMultimodalMethod()
