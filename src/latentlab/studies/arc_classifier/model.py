"""A classifier of ARC tasks: an encoder, and prototypes that its embeddings are compared with.

The report learns a linear map of nine fixed centroids. Since the centroids are fixed and the map is
learned and has no bias, that is the same as nine free prototypes, which is what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.nn.layers import uniform
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.context import ContextEncoder
from latentlab.studies.arc_classifier.convolution import ConvolutionalEncoder
from latentlab.training.contract import DataSpec

ENCODERS: dict[str, type[ConvolutionalEncoder] | type[ContextEncoder]] = {
    "cnn": ConvolutionalEncoder,
    "context": ContextEncoder,
}
SMALLEST_NORM = 1e-12


class TaskClassifier(nn.Module):
    """Encoder and prototypes [classes, embedding]."""

    def __init__(
        self, config: ArcClassifierConfig, spec: DataSpec, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.config = config
        embedding = config.model.embedding
        # Drawn first, so that arms of a seed share them whatever their encoders are.
        self.prototypes = nn.Parameter(uniform(rng, (spec.classes, embedding), embedding))
        self.encoder = ENCODERS[config.model.encoder](config, rng)

    def embed(
        self, tokens: Tensor, noise: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> Tensor:
        """Embeddings [batch, embedding] of tokens [batch, 3, 2, height, width]."""
        return self.encoder(tokens, noise, hyper).to(self.prototypes.dtype)

    def logits(self, embeddings: Tensor, temperature: Tensor) -> Tensor:
        """Logits [batch, classes] of embeddings [batch, embedding]."""
        if not self.config.model.cosine:
            return (embeddings @ self.prototypes.mT).to(embeddings.dtype)
        cosines = unit_rows(embeddings) @ unit_rows(self.prototypes).mT
        return temperature * cosines.to(embeddings.dtype)


def unit_rows(x: Tensor) -> Tensor:
    """Rows of x [n, features] scaled to length 1; a row of zeros stays one, with a gradient."""
    return x * torch.rsqrt(x.square().sum(1, keepdim=True) + SMALLEST_NORM)


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: Tensor) -> Tensor:
    """Cross-entropy to targets of which a share is spread evenly over all classes, in nats.

    Szegedy et al. 2016, "Rethinking the Inception architecture". A form of its own, because the
    share may differ between trials of one cohort.

    Args:
        logits: [batch, classes].
        labels: [batch].
        smoothing: the share, scalar in [0, 1).
    """
    log_shares = logits.log_softmax(1)
    own = log_shares.gather(1, labels[:, None])[:, 0]
    return -((1 - smoothing) * own + smoothing * log_shares.mean(1)).mean()
