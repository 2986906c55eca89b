"""An encoder for each group, one head for both, and the anchors of the classes.

A batch holds samples of both groups, mixed. How many of each is not the same in all trials of a
cohort, so both encoders see all samples, and each sample keeps the latent of its own group's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.core.errors import UserError
from latentlab.data import ImageTextLayout
from latentlab.data.image_text_layout import VISUAL
from latentlab.nn.layers import Dense
from latentlab.nn.normalisation import initial_statistics
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig, ModelConfig
from latentlab.studies.anchored_multimodal.pretrained import load_backbone
from latentlab.studies.anchored_multimodal.samples import Samples
from latentlab.studies.anchored_multimodal.text import TEXT_ENCODERS
from latentlab.studies.anchored_multimodal.visual import VisualEncoder, hidden_width
from latentlab.training.contract import DataSpec, Tensors
from latentlab.training.streams import Noise

FIRST_FACTOR = 0.05
"""Times the identity: the anchors' factors at the start."""


class Head(nn.Module):
    """Latents to classes: a hidden layer with ReLU, or linear where that has no units."""

    def __init__(self, config: ModelConfig, classes: int, rng: np.random.Generator) -> None:
        super().__init__()
        width = config.head_width
        self.hidden = Dense(config.latent_dim, width, rng) if width else None
        self.out = Dense(width or config.latent_dim, classes, rng)

    def forward(self, z: Tensor) -> Tensor:
        """Map [..., latent] to logits [..., classes]."""
        return self.out(self.hidden(z).relu() if self.hidden else z)


class MultimodalModel(nn.Module):
    """Encoders, head and anchors.

    Attributes:
        anchor_means: [classes, latent], 0 at the start.
        anchor_factors: [classes, latent, latent], 0.05 times the identity at the start.

    Args:
        config: the study's.
        spec: the data's.
        rng: gives the initial weights: of each part its own, whatever the other parts are.

    Raises:
        UserError: the data are no pictures and texts, or the encoder does not take such pictures.
    """

    def __init__(
        self, config: AnchoredMultimodalConfig, spec: DataSpec, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.config = config
        self.parts = parts_of(spec)
        model = config.model
        visual, text, head = (
            np.random.Generator(np.random.PCG64(seed)) for seed in rng.integers(0, 2**63, 3)
        )
        self.visual = VisualEncoder(model, self.parts.image, visual)
        self.text = TEXT_ENCODERS[model.text_encoder](model, self.parts.text, text)
        self.head = Head(model, spec.classes, head)
        latent = model.latent_dim
        self.anchor_means = nn.Parameter(torch.zeros(spec.classes, latent))
        self.anchor_factors = nn.Parameter(
            (FIRST_FACTOR * torch.eye(latent)).repeat(spec.classes, 1, 1)
        )

    def encode(
        self,
        samples: Samples,
        state: Tensors,
        noise: Mapping[str, Tensor],
        hyper: Mapping[str, Tensor],
        training: bool,
    ) -> tuple[Tensor, Tensors]:
        """Latents of samples, and the entries of the state that change in training.

        Args:
            samples: of both groups, in any order.
            state: with the running statistics of batch normalisation, which is by pictures alone.
            noise: with dropout's uniforms; without them nothing is dropped.
            hyper: with `model.dropout`.
            training: batch normalisation by the batch, not by the running statistics.

        Returns:
            [batch, latent], and the changes.
        """
        rate, image = hyper["model.dropout"], samples.image
        visual = samples.group == VISUAL
        of_image, changes = self.visual(
            image, visual.to(image.dtype), state, noise.get("visual_dropout"), rate, training
        )
        of_text = self.text(samples.tokens, noise.get("text_dropout"), rate)
        return torch.where(visual[:, None], of_image, of_text).to(image.dtype), changes


def pretrained_model(
    config: AnchoredMultimodalConfig, spec: DataSpec, rng: np.random.Generator
) -> MultimodalModel:
    """A model as training begins with it: the backbone has the weights that the config names.

    Raises:
        UserError: as `MultimodalModel`, or as `load_backbone`.
    """
    model = MultimodalModel(config, spec, rng)
    if config.model.pretrained is not None:
        load_backbone(model.visual.backbone, config.model.pretrained)
    return model


def initial_state(config: AnchoredMultimodalConfig, spec: DataSpec) -> Tensors:
    """The running statistics of batch normalisation as training begins: 0 and 1, or pretrained.

    Raises:
        UserError: as `pretrained_model`.
    """
    # Built for its names and shapes alone.
    rng = np.random.Generator(np.random.PCG64(0))
    backbone = VisualEncoder(config.model, parts_of(spec).image, rng).backbone
    if config.model.pretrained is not None:
        return load_backbone(backbone, config.model.pretrained)
    return initial_statistics(backbone)


def model_noise(config: AnchoredMultimodalConfig, spec: DataSpec, batch: int) -> dict[str, Noise]:
    """Dropout's uniforms of one training step; none where nothing is dropped."""
    model = config.model
    if not model.dropout:
        return {}
    text = TEXT_ENCODERS[model.text_encoder].dropout_shape(model, batch)
    return {
        "visual_dropout": Noise((batch, hidden_width(model)), "uniform"),
        "text_dropout": Noise(text, "uniform"),
    }


def parts_of(spec: DataSpec) -> ImageTextLayout:
    """How the data's rows hold pictures and texts.

    Raises:
        UserError: they do not.
    """
    if spec.parts is None:
        raise UserError(
            "anchored_multimodal needs pictures and texts, and these data are not",
            "Use handwriting, textcaps or image_table.",
        )
    return spec.parts
