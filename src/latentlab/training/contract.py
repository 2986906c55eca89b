"""What a study gives the trainer, and what it is given back: the contract between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from latentlab.core.errors import UserError
from latentlab.data import Factor, ImageTextLayout
from latentlab.training.streams import Noise

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class DataSpec:
    """What a model must know about its data.

    Attributes:
        shape: channels, height, width of one example.
        classes: number of labels.
        mean: the mean example [channels, height, width] of the training split, validation examples
            among them (no label is in it), for models that start from it; None where a registered
            model is read back.
        names: of the labels, by class number; empty where a registered model is read back.
        parts: of an example that is a picture or a text, packed into one row; None for others.
        factors: known ones, whose combinations the labels are; empty where none are known, and
            where a registered model is read back.
    """

    shape: tuple[int, int, int]
    classes: int
    mean: NDArray[np.float32] | None = field(default=None, compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)
    parts: ImageTextLayout | None = field(default=None, compare=False)
    factors: tuple[Factor, ...] = field(default=(), compare=False)


class Batch(NamedTuple):
    """Examples of one step as one trial sees them.

    Attributes:
        features: [batch, channels, height, width] in [0, 1].
        labels: class numbers, [batch].
    """

    features: Tensor
    labels: Tensor


class Clock(NamedTuple):
    """Where training stands, as scalar float tensors.

    Attributes:
        step: steps done before this one.
        epoch: epochs done before this one.
        total_steps: steps of the whole training.
    """

    step: Tensor
    epoch: Tensor
    total_steps: Tensor


class AnyMethod(Protocol):
    """What batched and plain methods share. Implementations hold no state and pickle by name."""

    name: str
    version: int

    def of(self, config: Any) -> AnyMethod:
        """Return the method that trains this configuration: a study may have several."""

    def build(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """Return a model initialised from the trial's own stream."""

    def outcome(self, state: Tensors, scores: Mapping[str, float]) -> str:
        """Return the study's own label of a trial that finished, `ok` where all went well."""


class Method(AnyMethod, Protocol):
    """A study's batched method: the pure loss of one trial, for trials that train together.

    `loss` runs under `torch.func.functional_call` and `vmap` over a leading trial axis, so it (and
    the model's forward) has no `.item()`, no branch on data, no `nn.Dropout`, `nn.BatchNorm` or
    module-level random call, and writes to no buffer in place.
    """

    def build(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """Return a model initialised from the trial's own stream; no buffers, only parameters."""

    def architecture(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """Return a model of the shape of `build`, for the parameters of a stored trial."""

    def init_state(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> Tensors:
        """Return the method state at the start: probes, masks, running statistics.

        The trainer hands it from step to step beside the parameters, and stores it with them.
        """

    def noise_spec(self, config: Any, spec: DataSpec, batch: int) -> Mapping[str, Noise]:
        """Return the random numbers of one training step on `batch` examples."""

    def evaluation_noise_spec(
        self, config: Any, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Return the random numbers of one pass over `examples` examples without training."""

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return the total loss (scalar), its named unweighted terms (scalars), and the new state.

        `hyper` holds the config's `PerTrial` numbers by dotted name, as scalars. Noise that
        `evaluation_noise_spec` leaves out (dropout) is absent in evaluation.
        """

    def after_step(
        self, state: Tensors, terms: Tensors, hyper: Mapping[str, Tensor], clock: Clock
    ) -> Tensors:
        """Return the state after the parameters were updated; a pure function."""

    def after_epoch(
        self, state: Tensors, scores: Tensors, hyper: Mapping[str, Tensor], clock: Clock
    ) -> Tensors:
        """Return the state after an epoch with these scores; a pure function."""

    def parameter_multipliers(self, config: Any) -> Mapping[str, tuple[float, float]]:
        """Return multipliers of learning rate and weight decay, by prefix of a parameter's name."""


def require_batched(method: AnyMethod) -> Method:
    """Return a batched method that has all its parts.

    Raises:
        UserError: it lacks some.
    """
    parts = (name for name in vars(Method) if not name.startswith("_"))
    if missing := [name for name in parts if not hasattr(method, name)]:
        kind = type(method)
        raise UserError(
            f"{kind.__module__}.{kind.__qualname__} is no batched method: it has no "
            f"{', '.join(missing)}",
            "Write them (latentlab/training/contract.py says what they return; MethodDefaults "
            "brings some of them), or make it a PlainMethod.",
        )
    return cast("Method", method)


class MethodDefaults:
    """The parts of a batched method that most studies leave as they are."""

    def of(self: Method, config: Any) -> Method:
        """Return itself."""
        return self

    def architecture(
        self: Method, config: Any, spec: DataSpec, rng: np.random.Generator
    ) -> nn.Module:
        """Return what `build` returns, for parameters that are replaced."""
        return self.build(config, spec, rng)

    def init_state(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> Tensors:
        """Return no state."""
        return {}

    def after_step(
        self, state: Tensors, terms: Tensors, hyper: Mapping[str, Tensor], clock: Clock
    ) -> Tensors:
        """Return the state as it is."""
        return state

    def after_epoch(
        self, state: Tensors, scores: Tensors, hyper: Mapping[str, Tensor], clock: Clock
    ) -> Tensors:
        """Return the state as it is."""
        return state

    def parameter_multipliers(self, config: Any) -> Mapping[str, tuple[float, float]]:
        """Return none: all parameters are treated alike."""
        return {}

    def outcome(self, state: Tensors, scores: Mapping[str, float]) -> str:
        """Return `ok`."""
        return "ok"
