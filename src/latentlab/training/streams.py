"""Random numbers as functions of what they are for, not of what was drawn before.

Every stream is numpy's Philox counter generator with `key = 128-bit digest of (study, seed, data)`
and `counter = (0, 0, purpose, block)` (Salmon et al. 2011, "Parallel random numbers: as easy as 1,
2, 3"). A trial therefore sees the same numbers whatever cohort, plan, process or restart it is
trained in, arms of one seed share them (common random numbers), and nothing of a generator has to
be stored in a checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = Literal["uniform", "normal"]

BLOCK_STEPS = 16
"""Training steps in one block of noise; part of the definition of the streams."""


class Noise(NamedTuple):
    """Shape and distribution of one named noise tensor: U[0, 1) or N(0, 1)."""

    shape: tuple[int, ...]
    kind: Kind


def stream_key(study: str, seed: int, data: str) -> int:
    """Return the 128-bit key that a study, a seed and a data set share across all arms."""
    text = f"latentlab/{study}/{seed}/{data}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def generator(key: int, purpose: str, block: int = 0) -> np.random.Generator:
    """Return the generator of one block of the stream that serves `purpose`.

    Args:
        key: from `stream_key`.
        purpose: what the numbers are for, such as `initialisation` or `noise/latent`.
        block: number of the block, such as the epoch of a permutation; at least 0.
    """
    code = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little")
    # Philox counts up in the first of its four counter words, so the last two stay as set.
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, code, block]))


def seed_of(key: int, purpose: str, block: int = 0) -> int:
    """Return a seed in 0 .. 2 ** 63 - 1 for generators of other libraries, as `generator` names it.

    What they draw then is a function of what it is for, as of the streams themselves.
    """
    text = f"{key}/{purpose}/{block}"
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def permutation(key: int, epoch: int, examples: int) -> NDArray[np.int64]:
    """Return the order in which an epoch visits the training examples, [examples]."""
    return generator(key, "permutation", epoch).permutation(examples)


def draw(rng: np.random.Generator, shape: tuple[int, ...], kind: Kind) -> NDArray[np.float32]:
    """Return numbers of one kind, float32 [*shape]."""
    if kind == "normal":
        return rng.standard_normal(shape, dtype=np.float32)
    return rng.random(shape, dtype=np.float32)


def noise_block(key: int, spec: Mapping[str, Noise], block: int) -> dict[str, NDArray[np.float32]]:
    """Return the noise of `BLOCK_STEPS` training steps, each array [BLOCK_STEPS, *shape]."""
    return {
        name: draw(generator(key, f"noise/{name}", block), (BLOCK_STEPS, *shape), kind)
        for name, (shape, kind) in spec.items()
    }


def evaluation_noise(
    key: int, spec: Mapping[str, Noise], purpose: str
) -> dict[str, NDArray[np.float32]]:
    """Return the noise of one evaluation; its own purpose, so evaluating never shifts training."""
    return {
        name: draw(generator(key, f"{purpose}/{name}"), shape, kind)
        for name, (shape, kind) in spec.items()
    }
