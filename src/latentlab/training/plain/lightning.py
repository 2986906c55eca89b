"""A LightningModule as it stands, trained as a plain method.

Its `training_step`, `validation_step` and `configure_optimizers` are used; its Trainer, callbacks
and other hooks are not: epochs, early stopping, checkpoints and devices are the study's. What steps
ask of the Trainer (`self.current_epoch`, `self.global_step`, `self.trainer.max_epochs`) is said by
a stand-in, since a module without one believes that it is in epoch 0 for ever. Nothing of Lightning
is imported here.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from latentlab.core.errors import UserError
from latentlab.training.contract import Batch, DataSpec, Tensors
from latentlab.training.plain.method import PlainMethod, Step

_HOOKS = {
    *("setup", "configure_model", "configure_gradient_clipping", "optimizer_step", "backward"),
    *("optimizer_zero_grad", "transfer_batch_to_device", "lr_scheduler_step"),
}
_SPLIT = re.compile(r"(train|training|val|valid|validation|test)[_/.-]")


class LightningMethod(PlainMethod):
    """A study names the module and, where it wants them in the history, terms that it logs.

    `terms` are names as the module logs them, without the split they begin with; `loss` is the one
    that is the validation loss, where `validation_step` returns none. `uncalled` are hooks of the
    module without which it trains the same, such as one that only draws.
    """

    terms: ClassVar[tuple[str, ...]] = ()
    loss: ClassVar[str] = "loss"
    uncalled: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def module(self, config: Any, spec: DataSpec) -> Any:
        """Return a new LightningModule for a configuration."""

    def build(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """Return the module, which logs to this method.

        Raises:
            UserError: it optimises by hand, or has hooks that nobody calls.
        """
        module: nn.Module = self.module(config, spec)
        if not getattr(module, "automatic_optimization", True):
            raise UserError(
                f"{type(module).__name__} optimises by hand (automatic_optimization is False)",
                "Write a PlainMethod with an update of its own, which calls step.descend.",
            )
        if hooks := sorted(set(_own_hooks(type(module))).difference(self.uncalled)):
            raise UserError(
                f"{type(module).__name__} has hooks that are not called: {', '.join(hooks)}",
                "Do their work in training_step, or in an update of the method; name those without "
                "which it trains the same in `uncalled` of the method.",
            )
        return module

    def training_step(self, module: Any, batch: Batch, step: Step) -> tuple[Tensor, Tensors]:
        """Return what the module's own step returns and logs."""
        return self._stepped(module, module.training_step, batch, step)

    def validation_step(self, module: Any, batch: Batch, step: Step) -> tuple[Tensor, Tensors]:
        """Return what the module's own step returns and logs."""
        return self._stepped(module, module.validation_step, batch, step)

    def optimisers(self, module: Any, config: Any) -> Sequence[Optimizer]:
        """Return the one that the module configures; its schedule is said as `training.schedule`.

        Raises:
            UserError: it configures several, or a schedule, which nobody would step.
        """
        return [_configured(module)]

    def _stepped(self, module: Any, own: Any, batch: Batch, step: Step) -> tuple[Tensor, Tensors]:
        logged: dict[str, Any] = {}

        def log(name: str, value: Any, *_: Any, **__: Any) -> None:
            logged[_SPLIT.sub("", name, count=1)] = value

        # Its own would look for a Trainer.
        module.log = log
        module.trainer = _trainer(module, step)
        found = own(batch, step.number)
        if isinstance(found, Mapping):
            found = found.get("loss")
        loss = found if found is not None else logged.get(self.loss)
        if loss is None or (missing := [name for name in self.terms if name not in logged]):
            lacking = self.loss if loss is None else ", ".join(missing)
            raise UserError(
                f"{self.name}: {own.__name__} logs no {lacking}",
                f"It logs {', '.join(logged) or 'nothing'}: name those as loss and terms.",
            )
        return torch.as_tensor(loss), {name: torch.as_tensor(logged[name]) for name in self.terms}


def _trainer(module: nn.Module, step: Step) -> SimpleNamespace:
    """Return what a module asks of its Trainer."""
    return SimpleNamespace(
        current_epoch=step.epoch,
        global_step=step.number,
        max_epochs=step.config.training.epochs,
        estimated_stepping_batches=step.total,
        num_training_batches=step.total // step.config.training.epochs,
        training=module.training,
        validating=not module.training,
        sanity_checking=False,
        is_global_zero=True,
        world_size=1,
        logger=None,
        loggers=[],
    )


def _own_hooks(kind: type) -> Iterator[str]:
    """Yield names of the hooks that a module's classes have beyond LightningModule's own."""
    for above in kind.__mro__:
        if above.__name__ == "LightningModule":
            return
        yield from (n for n in vars(above) if n.startswith("on_") or n in _HOOKS)


def _configured(module: Any) -> Optimizer:
    found = module.configure_optimizers()
    schedules: Any = None
    if isinstance(found, Mapping):
        found, schedules = found["optimizer"], found.get("lr_scheduler")
    elif isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], list | tuple):
        found, schedules = found
    optimisers = list(found) if isinstance(found, list | tuple) else [found]
    name = type(module).__name__
    if schedules:
        raise UserError(
            f"{name}.configure_optimizers brings a schedule",
            "Say it as training.schedule, and override `optimisers` of the method to return the "
            "optimiser alone.",
        )
    if len(optimisers) != 1:
        raise UserError(
            f"{name}.configure_optimizers returns {len(optimisers)} optimisers",
            "Write a PlainMethod with an update of its own, which calls step.descend for each.",
        )
    optimiser: Optimizer = optimisers[0]
    return optimiser
