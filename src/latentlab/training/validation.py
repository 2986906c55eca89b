"""A cohort's validation examples, in the same batches with the same noise after every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.training.contract import Batch, Method, Tensors
from latentlab.training.data import StudyData
from latentlab.training.streams import evaluation_noise


class ValidationFeed:
    """Gives a cohort its validation batches and their noise.

    Batches have the training size, whatever the cohort: they decide which noise an example gets,
    and some terms depend on the size of a batch.

    Args:
        method: says what noise an evaluation needs.
        config: the trials' configuration, as far as it is the same for all.
        data: the data on the device.
        streams: key of each trial's stream.
        positions: each trial's validation examples, all of one number.
        device: where the noise is used.
    """

    def __init__(
        self,
        method: Method,
        config: Any,
        data: StudyData,
        streams: Sequence[int],
        positions: Sequence[NDArray[np.intp]],
        device: torch.device,
    ) -> None:
        self._method = method
        self._config = config
        self._data = data
        self._streams = streams
        self._index = torch.from_numpy(np.stack(positions)).to(device)
        self._device = device
        self._noise: list[Tensors] | None = None

    def batches(self) -> Iterator[tuple[Batch, Tensors, float]]:
        """Yield batches, their noise, and the share of all examples that each holds."""
        index = self._index
        size = int(self._config.training.batch_size)
        pieces = [index[:, start : start + size] for start in range(0, index.shape[1], size)]
        if self._noise is None:
            self._noise = [self._draw(i, piece.shape[1]) for i, piece in enumerate(pieces)]
        source = self._data.validation or self._data.train
        for piece, noise in zip(pieces, self._noise, strict=True):
            yield source.batch(piece), noise, piece.shape[1] / index.shape[1]

    def _draw(self, number: int, examples: int) -> dict[str, Tensor]:
        """Return the noise of one batch, each [trials, *shape]; drawn once per seed."""
        spec = self._method.evaluation_noise_spec(self._config, self._data.spec, examples)
        drawn = {
            stream: evaluation_noise(stream, spec, f"validation/{number}")
            for stream in dict.fromkeys(self._streams)
        }
        return {
            name: torch.from_numpy(np.stack([drawn[s][name] for s in self._streams])).to(
                self._device
            )
            for name in spec
        }
