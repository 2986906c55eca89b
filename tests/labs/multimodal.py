"""Small models and samples for the tests of the study's encoders."""

import numpy as np
import torch

from latentlab.data import ImageTextLayout
from latentlab.data.image_text_layout import VOCABULARY
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.model import MultimodalModel, initial_state
from latentlab.studies.anchored_multimodal.samples import Samples
from latentlab.training.contract import DataSpec
from latentlab.training.per_trial import per_trial_values

LENGTH = 12
SMALL = {"width_multiplier": 0.125, "latent_dim": 5, "head_hidden": 6}
VISUAL = ("resnet_visual", "simple_cnn_visual", "feature_visual")
TEXT = ("mlp_text", "char_cnn_text", "transformer_text")


def config(**model):
    return AnchoredMultimodalConfig.model_validate({"model": SMALL | model})


def spec_of(image=(1, 8, 8), length=LENGTH, classes=3):
    parts = ImageTextLayout(image=image, text=length)
    return DataSpec((1, 1, parts.length), classes, parts=parts)


def built(settings, spec, seed=0):
    """A model and its state."""
    return MultimodalModel(settings, spec, np.random.default_rng(seed)), initial_state(
        settings, spec
    )


def hyper_of(settings):
    return {name: torch.tensor(value) for name, value in per_trial_values(settings).items()}


def texts(count, length=LENGTH, fewest=1, seed=0):
    """Random tokens, each text followed by padding: int64 [count, length]."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(1, VOCABULARY, (count, length))
    ends = rng.integers(fewest, length + 1, count)
    tokens[np.arange(length) >= ends[:, None]] = 0
    return torch.from_numpy(tokens)


def samples(groups, spec, seed=0):
    """Samples of these groups, as the sources make them."""
    group = torch.tensor(groups)
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.random((len(groups), *spec.parts.image), dtype=np.float32))
    return Samples(
        image * (group == 0)[:, None, None, None],
        texts(len(groups), spec.parts.text, seed=seed) * (group == 1)[:, None],
        group,
    )
