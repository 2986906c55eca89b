"""Examples as the trainer holds them: one resident tensor, indexed by every trial's own order."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.core.errors import UserError
from latentlab.data import Prepared, Split, stratified_split
from latentlab.training.contract import Batch, DataSpec
from latentlab.training.streams import generator

RESIDENT_FLOATS = 1 << 28
"""Data sets of up to this many numbers (1 GiB) are kept as floats; larger ones as they are."""
MEAN_EXAMPLES = 10_000
"""A data set's mean example is that of at most so many, evenly spaced."""


class Examples:
    """One split on the device, as floats in [0, 1] where that is small enough.

    A larger split stays in its raw type, on the device where it fits in half of its free memory,
    else in the (memory-mapped) file, and is converted batch by batch.
    """

    def __init__(self, split: Split, scale: float, device: torch.device) -> None:
        with warnings.catch_warnings():
            # A memory-mapped array is read-only, of which torch warns; nothing here writes to it.
            warnings.simplefilter("ignore", UserWarning)
            features = torch.from_numpy(np.asarray(split.features))
        self._device = device
        self._scale = scale
        self.labels = torch.from_numpy(np.array(split.labels)).to(device)
        if features.numel() <= RESIDENT_FLOATS:
            features = (features.to(device).float() / scale).contiguous()
            self._scale = 1.0
        elif device.type == "cuda" and features.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
            features = features.to(device)
        self._features = features

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    def batch(self, index: Tensor) -> Batch:
        """Return the examples at `index`, [..., batch]: features [..., batch, *shape]."""
        flat = index.flatten()
        # Whole rows are copied several times faster than by indexing with a matrix.
        features = self._features.index_select(0, flat.to(self._features.device))
        features = features.to(self._device, non_blocking=True)
        features = features.float()
        if self._scale != 1.0:
            features = features / self._scale
        labels = self.labels.index_select(0, flat).view(index.shape)
        return Batch(features.view(*index.shape, *features.shape[1:]), labels)


@dataclass(frozen=True)
class StudyData:
    """The data of a study on a device.

    Attributes:
        spec: what a model must know.
        fingerprint: of the prepared data.
        train: the training split, from which validation is split off by seed.
        validation: the official validation split, where the data set has one.
    """

    spec: DataSpec
    fingerprint: str
    train: Examples
    validation: Examples | None
    _labels: NDArray[np.int64]

    @classmethod
    def of(cls, prepared: Prepared, device: torch.device) -> StudyData:
        """Put a prepared data set's training and validation splits on a device."""
        schema = prepared.schema
        official = prepared.splits.get("validation")
        train = prepared.splits["train"]
        return cls(
            spec=data_spec(prepared),
            fingerprint=prepared.fingerprint,
            train=Examples(train, schema.scale, device),
            validation=Examples(official, schema.scale, device) if official else None,
            _labels=np.asarray(train.labels),
        )

    def partition(self, stream: int, fraction: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return positions for training and for validation, the same for every trial of a seed.

        With an official validation split, all of both splits.
        """
        if self.validation is not None:
            return np.arange(len(self.train)), np.arange(len(self.validation))
        return split_validation(self._labels, stream, fraction)


def split_validation(
    labels: NDArray[np.int64], stream: int, fraction: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return a seed's stratified split of the training examples into training and validation."""
    return stratified_split(labels, fraction, generator(stream, "validation split"))


def data_spec(prepared: Prepared) -> DataSpec:
    """Return what a model must know about a prepared data set."""
    train = prepared.splits["train"].features
    positions = np.unique(np.linspace(0, len(train) - 1, MEAN_EXAMPLES).astype(int))
    mean = train[positions].mean(axis=0, dtype=np.float64) / prepared.schema.scale
    schema = prepared.schema
    return DataSpec(
        schema.shape,
        len(schema.classes),
        mean.astype(np.float32),
        schema.classes,
        schema.parts,
        schema.factors,
    )


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Return the number of whole batches in an epoch.

    Raises:
        UserError: not even one.
    """
    if examples < batch_size:
        raise UserError(
            f"training.batch_size is {batch_size}, but only {examples} examples are left to "
            "train on",
            "Choose a smaller training.batch_size, or a larger data set.",
        )
    return examples // batch_size
