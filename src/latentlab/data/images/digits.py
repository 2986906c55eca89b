"""Optical digits: 1,797 images 8x8 that come with scikit-learn, so no file is needed.

Each pixel counts the black dots in a 4x4 block of a 32x32 scan: a whole number in 0..16, exactly
the range of a Binomial(16, p). Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of
Handwritten Digits, UCI Machine Learning Repository, its test part.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentlab.data.copies import hold_out
from latentlab.data.prepared import Prepared, Schema
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import subset

SPLIT_SEED = 20240917
"""Decides the test split. Arbitrary but never to be changed: results would not compare."""
TEST_FRACTION = 0.2

SCHEMA = Schema(
    name="digits",
    shape=(1, 8, 8),
    dtype="uint8",
    scale=16.0,
    classes=tuple("0123456789"),
)


class DigitsConfig(SourceConfig):
    """Settings of the digits source."""


def read_digits(config: DigitsConfig, folder: Path) -> Prepared:
    """Load the digits with a fixed stratified 80/20 split, as there is no official one.

    Args:
        config: settings.
        folder: not used; scikit-learn carries the data.

    Returns:
        1,437 or 1,438 training and the remaining test images, uint8 [n, 1, 8, 8] in 0..16.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # scikit-learn stores the whole numbers as float64; the cast is exact.
    features = bunch.images.astype(np.uint8)[:, None]
    splits = hold_out(features, bunch.target.astype(np.int64), TEST_FRACTION, SPLIT_SEED)
    origin = (
        f"scikit-learn load_digits (UCI optical digits), stratified 80/20 split of seed "
        f"{SPLIT_SEED}{subset_note(config.subset)}"
    )
    return Prepared(SCHEMA, subset(splits, config.subset), origin)


DIGITS = Source("digits", DigitsConfig, read_digits)
