"""Of `pytest tests/gpu`; it needs no more than what trains: torch, numpy, pydantic and the like."""

import os

import pytest
import torch
from benchmarks.workloads import random_pixels

from latentlab.data import load_prepared
from latentlab.training.data import StudyData


@pytest.fixture(scope="session")
def device():
    """A GPU, or what DEVICE_UNDER_TEST names, so that the tests can be rehearsed without one."""
    name = os.environ.get("DEVICE_UNDER_TEST", "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return torch.device("cuda", 0) if name == "cuda" else torch.device(name)


@pytest.fixture(scope="session")
def pixels(tmp_path_factory):
    """A folder of random pictures of 8x8 numbers."""
    return random_pixels(tmp_path_factory.mktemp("pixels") / "digits", (1, 8, 8), 1437)


@pytest.fixture(scope="session")
def data(pixels, device):
    return StudyData.of(load_prepared(pixels), device)
