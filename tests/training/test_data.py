"""Examples as methods see them: floats, however large the split is."""

import numpy as np
import pytest
import torch

from labs.trainer import CPU
from latentlab.data.prepared import Split
from latentlab.training import data
from latentlab.training.data import Examples


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_batches_of_a_large_split_are_those_of_a_small_one(monkeypatch, scale):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 1, 2, 2), dtype=np.uint8)
    split = Split(pixels, np.arange(6))
    index = torch.tensor([[0, 3], [5, 1]])
    small = Examples(split, scale, CPU).batch(index)
    monkeypatch.setattr(data, "RESIDENT_FLOATS", 1)
    large = Examples(split, scale, CPU).batch(index)
    assert large.features.dtype == torch.float32
    assert torch.equal(small.features, large.features)
    assert torch.equal(small.labels, large.labels)
