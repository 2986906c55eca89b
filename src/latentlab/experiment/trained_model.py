"""A trained trial as a thing: its module, its method state, and what it was trained as."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from latentlab.compute.generators import generators_kept, seed_generators
from latentlab.training.config import TrialConfig
from latentlab.training.contract import AnyMethod, DataSpec, Method, Tensors
from latentlab.training.per_trial import per_trial_values
from latentlab.training.plain.method import PlainMethod
from latentlab.training.state import split_state
from latentlab.training.streams import draw, generator, seed_of, stream_key
from latentlab.training.trial_files import CONFIG, RECORD, WEIGHTS, TrialRecord, require_whole


@dataclass(frozen=True)
class TrainedModel:
    """A trained trial, ready to be evaluated.

    Attributes:
        config: the trial's resolved configuration, of the study's own class.
        spec: what the model knows of its data.
        module: the study's own module with the trained parameters.
        state: the method state by name, as it was kept with the weights.
        stream: key of the trial's random streams; arms of a seed share it.
    """

    config: Any
    spec: DataSpec
    module: Any
    state: Tensors
    stream: int

    @classmethod
    def of(
        cls,
        method: AnyMethod,
        config: Any,
        spec: DataSpec,
        tensors: Mapping[str, Tensor],
        stream: int = 0,
    ) -> Self:
        """Build the model that stored tensors describe, on the device where they lie.

        Args:
            method: the study's formulas.
            config: the trial's configuration.
            spec: shape and classes of the data.
            tensors: parameters by name, and the method state under `state.`.
            stream: key of the trial's random streams.
        """
        own = method.of(config)
        device = next(iter(tensors.values())).device
        # Whatever is drawn is replaced.
        rng = np.random.default_rng(0)
        if isinstance(own, PlainMethod):
            with generators_kept():
                module = own.build(config, spec, rng).to(device)
            own.restore(module, tensors)
            return cls(config, spec, module.eval(), {}, stream)
        parameters, state = split_state(tensors)
        module = cast("Method", own).architecture(config, spec, rng)
        module.load_state_dict(parameters)
        return cls(config, spec, module.to(device).eval(), state, stream)

    @classmethod
    def load(
        cls,
        method: AnyMethod,
        config_class: type[TrialConfig],
        folder: Path,
        spec: DataSpec,
        device: torch.device,
    ) -> Self:
        """Read a stored trial.

        Args:
            method: the study's formulas.
            config_class: of the study's configurations.
            folder: of the trial, as `TrialStore` keeps it.
            spec: shape and classes of its data.
            device: where to compute.

        Raises:
            UserError: a file of it is missing or damaged.
        """
        require_whole(folder)
        config = config_class.model_validate_json((folder / CONFIG).read_text())
        record = TrialRecord(**json.loads((folder / RECORD).read_text()))
        tensors = load_file(folder / WEIGHTS, device=str(device))
        stream = stream_key(record.study, record.seed, record.data)
        return cls.of(method, config, spec, tensors, stream)

    @property
    def device(self) -> torch.device:
        """Where the parameters and the state lie."""
        device: torch.device = next(self.module.parameters()).device
        return device

    @contextlib.contextmanager
    def drawing(self, purpose: str) -> Iterator[None]:
        """Let what draws from the process's generators draw numbers of the trial's seed."""
        with generators_kept():
            seed_generators(seed_of(self.stream, purpose))
            yield

    def normal(self, purpose: str, shape: tuple[int, ...]) -> Tensor:
        """Return N(0, 1) numbers of the trial's stream, float32 [*shape], on the model's device.

        Args:
            purpose: what they are for, such as `scores/latent`.
            shape: of what is drawn.
        """
        drawn = draw(generator(self.stream, purpose), shape, "normal")
        return torch.from_numpy(drawn).to(self.device)

    @cached_property
    def hyper(self) -> Tensors:
        """The configuration's `PerTrial` numbers by dotted name, scalars on the device."""
        values = per_trial_values(self.config)
        return {name: torch.tensor(value, device=self.device) for name, value in values.items()}
