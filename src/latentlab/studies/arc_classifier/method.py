"""The classifier of ARC tasks as the trainer sees it: model, noise and loss of one trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.data.arc.tasks import COLOURS
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.model import (
    ENCODERS,
    TaskClassifier,
    smoothed_cross_entropy,
)
from latentlab.studies.arc_classifier.tasks import demonstrations, recoloured, tokens_of
from latentlab.training.contract import Batch, Clock, DataSpec, MethodDefaults, Tensors
from latentlab.training.streams import Noise


class ArcClassifierMethod(MethodDefaults):
    """The category of a task's rule, from three pairs of its grids."""

    name = "arc_classifier"
    version = 2

    def build(
        self, config: ArcClassifierConfig, spec: DataSpec, rng: np.random.Generator
    ) -> TaskClassifier:
        """Return a model initialised from `rng`."""
        return TaskClassifier(config, spec, rng)

    def noise_spec(
        self, config: ArcClassifierConfig, spec: DataSpec, batch: int
    ) -> Mapping[str, Noise]:
        """Uniforms that choose pairs and permute colours, and the encoder's dropout."""
        pairs = spec.shape[0] // 2
        return {
            "pairs": Noise((batch, pairs), "uniform"),
            "colours": Noise((batch, COLOURS), "uniform"),
            **ENCODERS[config.model.encoder].noise_spec(config, batch),
        }

    def evaluation_noise_spec(
        self, config: ArcClassifierConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """None: the first three pairs in their own colours."""
        return {}

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return the smoothed cross-entropy; the plain one and the share of errors are terms."""
        assert isinstance(model, TaskClassifier)
        tokens = demonstrations(tokens_of(batch.features), noise.get("pairs"))
        if "colours" in noise:
            tokens = recoloured(tokens, noise["colours"])
        embeddings = model.embed(tokens, noise, hyper)
        logits = model.logits(embeddings, hyper["model.temperature"])
        smoothing = hyper["objective.label_smoothing"]
        total = smoothed_cross_entropy(logits, batch.labels, smoothing)
        wrong = logits.argmax(1) != batch.labels
        terms = {
            "cross_entropy": smoothed_cross_entropy(
                logits, batch.labels, torch.zeros_like(smoothing)
            ),
            "error_rate": wrong.to(logits.dtype).mean(),
        }
        return total, terms, state


METHOD = ArcClassifierMethod()
