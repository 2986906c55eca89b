"""Makes the weights that `pretrained: embedded` stands for; the package ships what it wrote.

`python -m latentlab.studies.anchored_multimodal.pretrain_embedded --out FILE` trains the backbone
of `simple_cnn_visual` to name the digits that `handwriting` holds back from every study. They are
clean, and a study's are not: something is left to learn, as there is from ImageNet to pictures of
another kind. Another machine's arithmetic gives other last digits.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from latentlab.core.errors import UserError
from latentlab.core.files import write_atomically
from latentlab.data.image_text.handwriting import (
    CLASSES,
    PARTS,
    HandwritingConfig,
    pretraining_split,
)
from latentlab.data.image_text_layout import SCALE
from latentlab.nn.normalisation import initial_statistics
from latentlab.studies.anchored_multimodal.config import ModelConfig
from latentlab.studies.anchored_multimodal.pretrained import standard_tensors
from latentlab.studies.anchored_multimodal.visual import VisualEncoder
from latentlab.training.contract import Tensors

MODEL = ModelConfig(
    visual_encoder="simple_cnn_visual", width_multiplier=0.25, latent_dim=len(CLASSES)
)
"""Its latents are the logits. The file holds its backbone alone."""
EPOCHS, BATCH, RATE, SEED = 30, 64, 2e-3, 0


def pretrained_tensors(epochs: int) -> Tensors:
    """Train the encoder by Adam, its rate falling along a cosine: what a file of it holds."""
    digits = pretraining_split(HandwritingConfig())
    pictures = torch.from_numpy(digits.features) / SCALE
    labels = torch.from_numpy(digits.labels)
    rng = np.random.Generator(np.random.PCG64(SEED))
    encoder = VisualEncoder(MODEL, PARTS.image, rng)
    state = initial_statistics(encoder.backbone)
    optimiser = torch.optim.Adam(encoder.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    nothing_dropped = torch.tensor(0.0)
    for _ in range(epochs):
        for places in torch.from_numpy(rng.permutation(len(digits))).split(BATCH):
            everything = torch.ones(len(places))
            logits, changes = encoder(
                pictures[places], everything, state, None, nothing_dropped, training=True
            )
            optimiser.zero_grad()
            functional.cross_entropy(logits, labels[places]).backward()
            optimiser.step()
            state |= changes
        schedule.step()
    return standard_tensors(encoder.backbone, state)


def run(arguments: Sequence[str] | None = None) -> None:
    """Train and write the file that the command line asks for.

    Raises:
        UserError: it cannot be written.
    """
    from safetensors.torch import save

    parser = argparse.ArgumentParser(
        prog="python -m latentlab.studies.anchored_multimodal.pretrain_embedded",
        description="Train the visual encoder that comes with the package.",
    )
    parser.add_argument("--out", type=Path, required=True, help=".safetensors file to write")
    out: Path = parser.parse_args(arguments).out
    content = save(pretrained_tensors(EPOCHS))
    write_atomically(out, content)
    logging.getLogger(__name__).info("%d bytes written to %s", len(content), out)


def main() -> None:
    """The command: mistakes are told in one line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run()
    except UserError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
