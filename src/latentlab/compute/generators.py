"""Random generators of the whole process: those of torch, numpy and Python that code draws from."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch


def seed_generators(seed: int) -> None:
    """Set the process's generators, on all devices, to a state that `seed` alone decides.

    Args:
        seed: at least 0, below 2 ** 63.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - code from elsewhere draws from it
    torch.manual_seed(seed)


@contextlib.contextmanager
def generators_kept() -> Iterator[None]:
    """Set the process's generators back afterwards to where they were."""
    own, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002 - as below
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(list(devices)):
        try:
            yield
        finally:
            random.setstate(own)
            np.random.set_state(numpys)  # noqa: NPY002 - code from elsewhere draws from it
