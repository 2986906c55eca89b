"""Handwritten digits and their names as a poor scanner would read them; no file is needed.

Semi-synthetic: the visual samples are real handwriting (scikit-learn's digits), the text samples
are made here. A picture and a text are never of the same object; all that they share is a class.
How hard each group is can be set, and so can its size.

A part of the digits is in no sample: `pretraining_split` gives it, so that an encoder may have
learned from handwriting that the study never sees.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.data.image_text.ocr_noise import add_ocr_noise
from latentlab.data.image_text.records import Record, hold_out_objects, prepared_samples
from latentlab.data.image_text_layout import ImageTextLayout
from latentlab.data.prepared import Prepared, Split
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import stratified_subset, subset

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PARTS = ImageTextLayout(image=(1, 8, 8), text=12)
PRETRAINING_SEED = 20250214
"""Decides which digits are held out. Never to be changed: shipped weights have learned from them.
"""
PRETRAINING_SHARE = 0.3
"""Of the digits, those that the shipped encoder has learned from. More may be held out, not fewer,
so no setting shows a study a digit that the encoder knows."""
_VISUAL, _TEXT = range(2)


class HandwritingConfig(SourceConfig):
    """Settings of digits and their misread names."""

    text_share: float = Field(
        default=0.5,
        ge=0.05,
        le=0.95,
        description="share of text samples; the larger group has as many samples as the study has "
        "digits",
    )
    visual_noise: float = Field(
        default=0.2,
        ge=0,
        le=2,
        description="standard deviation of normal noise on every pixel, full black being 1",
    )
    occlusion: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="side of a blank square at a random place, over the side of the picture",
    )
    text_noise: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="probability that a letter is misread, lost, followed by a speck or swapped",
    )
    pretraining_share: float = Field(
        default=PRETRAINING_SHARE,
        ge=PRETRAINING_SHARE,
        le=0.8,
        description="share of the digits that is in no sample, for encoders trained beforehand",
    )
    test_fraction: float = Field(
        default=0.3, gt=0, lt=1, description="share of the samples that is held out"
    )
    seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="decides noise, texts and the test split"
    )


def read_handwriting(config: HandwritingConfig, folder: Path) -> Prepared:
    """Make both groups, stratified by class and group into training and test.

    Args:
        config: settings.
        folder: not used; scikit-learn carries the digits.
    """
    digits, _ = _parted(config)
    visual, written = _sizes(len(digits), config.text_share)
    chosen = digits.take(stratified_subset(digits.labels, visual))
    seeds = [np.random.SeedSequence([config.seed, group]) for group in (_VISUAL, _TEXT)]
    rng, text_rng = (np.random.Generator(np.random.PCG64(seed)) for seed in seeds)
    images = spoil(chosen.features, config.visual_noise, config.occlusion, rng)
    records = [
        Record(f"digit {k}", CLASSES[label], image, None)
        for k, (image, label) in enumerate(zip(images, chosen.labels, strict=True))
    ]
    for k in range(written):
        name = CLASSES[k % len(CLASSES)]
        text = add_ocr_noise(name, config.text_noise, text_rng)
        records.append(Record(f"text {k}", name, None, text))
    strata = [(record.label, record.image is None) for record in records]
    parts = hold_out_objects(strata, config.test_fraction, config.seed)
    prepared = prepared_samples(
        "handwriting",
        {split: [records[place] for place in places] for split, places in parts.items()},
        CLASSES,
        PARTS,
        f"Semi-synthetic: {visual} digits of scikit-learn (UCI optical digits) with noise "
        f"{config.visual_noise:g} and occlusion {config.occlusion:g}, {written} misread names with "
        f"noise {config.text_noise:g}, of no common object; seed {config.seed}"
        f"{subset_note(config.subset)}",
    )
    return Prepared(prepared.schema, subset(prepared.splits, config.subset), prepared.origin)


def pretraining_split(config: HandwritingConfig) -> Split:
    """The digits that are in no sample of this source, without noise.

    Returns:
        uint8 [n, 1, 8, 8] in 0..255, as the pictures of visual samples are, and class numbers. A
        larger `pretraining_share` gives the same digits and further ones.
    """
    return _parted(config)[1]


def spoil(
    images: NDArray[np.uint8], noise: float, occlusion: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Pictures with normal noise on every pixel, then a blank square at a random place each.

    Args:
        images: [n, channels, side, side] in 0..255.
        noise: standard deviation, in units of the full range.
        occlusion: side of the square over the side of the picture, in [0, 1].
        rng: draws noise and places.
    """
    noisy = images + 255.0 * noise * rng.standard_normal(images.shape)
    side = images.shape[-1]
    square = round(occlusion * side)
    corners = rng.integers(0, side - square + 1, (len(images), 2))
    for image, (top, left) in zip(noisy, corners, strict=True):
        image[:, top : top + square, left : left + square] = 0.0
    return np.rint(noisy.clip(0, 255)).astype(np.uint8)


def _parted(config: HandwritingConfig) -> tuple[Split, Split]:
    """The study's digits and those held out for pretraining, as bytes in 0..255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # Pixels are whole numbers in 0..16.
    features = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    digits = Split(features, bunch.target.astype(np.int64))
    rng = np.random.Generator(np.random.PCG64(PRETRAINING_SEED))
    held_out = np.zeros(len(digits), dtype=bool)
    for label in range(len(CLASSES)):
        # The first of a fixed order, so that a larger share holds a smaller one.
        order = rng.permutation(np.flatnonzero(digits.labels == label))
        held_out[order[: int(config.pretraining_share * len(order))]] = True
    return digits.take(np.flatnonzero(~held_out)), digits.take(np.flatnonzero(held_out))


def _sizes(digits: int, text_share: float) -> tuple[int, int]:
    """Visual and text samples: the larger group has as many as there are digits."""
    smaller = min(text_share, 1 - text_share)
    few = round(digits * smaller / (1 - smaller))
    return (digits, few) if text_share <= 0.5 else (few, digits)


HANDWRITING = Source("handwriting", HandwritingConfig, read_handwriting)
