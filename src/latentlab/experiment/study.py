"""The `Study`: its name, texts and declaration, and the modules that hold its code.

Nothing heavy is imported until it is used: browsing the project needs no torch.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from latentlab.core.errors import UserError
from latentlab.experiment.declaration import Declaration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from latentlab.compute.config import ComputeConfig
    from latentlab.experiment.trained_model import TrainedModel
    from latentlab.reporting.document import Document
    from latentlab.training.contract import AnyMethod, DataSpec
    from latentlab.training.store import TrialStore
    from latentlab.training.trains import Trains
    from latentlab.training.trial import Trial


class Made(Protocol):
    """What trials are made from: prepared data, or a program with its inputs."""

    @property
    def name(self) -> str:
        """The data set, or the problem."""

    @property
    def fingerprint(self) -> str:
        """What tells it from any other."""

    @property
    def grouping(self) -> str:
        """What tells its groups of examples from others; empty where each is on its own."""


class Evaluation(Protocol):
    """A study's module `evaluation`: what is measured on trained models.

    `VERSION` is raised when a score or a picture of the same model changes: scores that are kept
    with a trial are then computed again.
    """

    VERSION: int

    def evaluate(
        self, model: TrainedModel, features: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, float]:
        """Return scores of one trial on one split, by metric name; a metric may be left out."""

    def pictures(self, model: TrainedModel, features: torch.Tensor) -> dict[str, NDArray[Any]]:
        """Return arrays of one trial for the study's figures.

        `reconstruction` [n, c, h, w] and `latent` [n, d] where the common figures show them.
        """

    def predict(self, model: TrainedModel, features: torch.Tensor) -> dict[str, NDArray[Any]]:
        """Return what a registered model answers, one row per example."""


class Baselines(Protocol):
    """A study's module `baselines`: methods that are not trained here, as further arms.

    `VERSION` is raised when a score changes, as in `Evaluation`.
    """

    VERSION: int

    def baselines(
        self,
        config: Any,
        spec: DataSpec,
        train: tuple[NDArray[np.float32], NDArray[np.int64]],
        splits: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64]]],
        stream: int,
    ) -> dict[str, dict[str, dict[str, float]]]:
        """Return scores by arm, split and metric, for one seed.

        `config` is that of the control arm, `train` features and labels that the trials of this
        seed were trained on, `splits` those of `validation` and `test`.
        """


class Advisor(Protocol):
    """The module `advice` of a study that examines configurations of another."""

    def document(self, declaration: Any) -> Document:
        """Return status table, recommended configurations and order of action."""


@dataclass(frozen=True)
class Study:
    """One study.

    Attributes:
        name: its namespace in pipelines, parameters and MLflow.
        title: its name for people.
        question: what it asks, one sentence.
        declaration: its block in the parameters.
        control: the arm that others are compared with in tables.
        curves: scores of the history that the report draws, in order; where it has none of them,
            all that it has.
        strips: metrics whose seeds the report draws one by one, in order.
        figures: names of the report's figures, in order: those of `experiment.figures.FIGURES`,
            and the study's own, which its module `figures` has in a `FIGURES` of its own.
        package: the package of its code; has the modules `method` (with `METHOD`) and `evaluation`.
        reported: figures of the report it re-does, by data set, arm and metric.
        advises: the study whose configurations it examines, if it does. Such a study begins with
            advice, has no sweep, and is no part of the pipeline `all`.
    """

    name: str
    title: str
    question: str
    declaration: type[Declaration]
    control: str
    curves: tuple[str, ...]
    strips: tuple[str, ...]
    package: str
    figures: tuple[str, ...] = ("verdicts", "curves", "reconstructions", "latents")
    reported: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    advises: str = ""

    @property
    def runs_programs(self) -> bool:
        """Whether its trials are programs, which bring their scores and leave no models."""
        return False

    @property
    def made_from(self) -> str:
        """The data set of the catalog that its trials are made from."""
        return f"{self.name}.{'program' if self.runs_programs else 'prepared'}"

    @property
    def versions(self) -> dict[str, int]:
        """Versions of all formulas that its scores come from; imports torch."""
        from latentlab.training.trial import TRAINER_VERSION

        found = {
            "study": self.method.version,
            "trainer": TRAINER_VERSION,
            "evaluation": self.evaluation.VERSION,
        }
        return found | ({"baselines": self.baseline.VERSION} if self.baselines else {})

    def trial(
        self, declaration: Declaration, arm: str, seed: int, config: Any, data: str, precision: str
    ) -> Trial:
        """Return one configuration with one seed.

        Args:
            declaration: of the study.
            arm: what the configuration is called.
            seed: of the trial.
            config: of the class that the declaration names.
            data: fingerprint of what it is made from.
            precision: arithmetic of the training steps.
        """
        from latentlab.training.trial import Trial

        return Trial(self.name, arm, seed, config, data, precision, self.method.version)

    def trainer(
        self,
        declaration: Declaration,
        made_from: Any,
        store: TrialStore,
        compute: ComputeConfig,
        one_plan: bool = False,
    ) -> Trains:
        """Return what trains its trials; imports torch.

        Args:
            declaration: of the study.
            made_from: the prepared data, in a folder.
            store: where trials are kept.
            compute: device, engine and plan.
            one_plan: for searches: see `training.runner.Trainer`.
        """
        from latentlab.training.runner import Trainer

        return Trainer(self.method, made_from.folder, store, compute, one_plan)

    @property
    def method(self) -> AnyMethod:
        """Return the study's formulas; imports torch."""
        return cast("AnyMethod", importlib.import_module(f"{self.package}.method").METHOD)

    @property
    def evaluation(self) -> Evaluation:
        """Return what is measured; imports torch.

        Raises:
            UserError: the module lacks one of the three functions.
        """
        module = importlib.import_module(f"{self.package}.evaluation")
        missing = [n for n in ("evaluate", "pictures", "predict") if not hasattr(module, n)]
        if missing:
            raise UserError(
                f"{module.__name__} has no function {', '.join(missing)}",
                "Write it there; pictures may return {} where the study's figures show no model, "
                'as figures=("verdicts", "curves").',
            )
        return cast("Evaluation", module)

    def restore(self, folder: Path, spec: DataSpec, device: torch.device) -> TrainedModel:
        """Return the trained model that a stored trial's folder holds; imports torch."""
        from latentlab.experiment.trained_model import TrainedModel

        config_class = self.declaration.config_class
        return TrainedModel.load(self.method, config_class, folder, spec, device)

    @property
    def baselines(self) -> tuple[str, ...]:
        """Return the arms that are not trained: methods to compare with."""
        return self.declaration.baselines

    @property
    def baseline(self) -> Baselines:
        """Return the code of the baselines; only for a study that has some."""
        return cast("Baselines", importlib.import_module(f"{self.package}.baselines"))

    @property
    def advice(self) -> Advisor:
        """Return the code of the advice; only for a study that examines configurations."""
        return cast("Advisor", importlib.import_module(f"{self.package}.advice"))
