"""What a study is to the pipelines: its words, its declaration, and where its code lives.

Nothing heavy is imported until it is used: browsing the project needs no torch.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from latentlab.studies.declaration import Declaration

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from latentlab.training.contract import DataSpec, Method


class Evaluation(Protocol):
    """A study's module `evaluation`: what is measured on trained weights."""

    def evaluate(
        self,
        config: Any,
        spec: DataSpec,
        weights: Mapping[str, torch.Tensor],
        features: torch.Tensor,
        labels: torch.Tensor,
        stream: int,
    ) -> dict[str, float]:
        """Scores of one trial on one split, by metric name; a metric may be left out."""

    def pictures(
        self,
        config: Any,
        spec: DataSpec,
        weights: Mapping[str, torch.Tensor],
        features: torch.Tensor,
        stream: int,
    ) -> dict[str, NDArray[np.float32]]:
        """Arrays of one trial for figures: `reconstruction` [n, c, h, w] and `latent` [n, d]."""

    def predict(
        self,
        config: Any,
        spec: DataSpec,
        weights: Mapping[str, torch.Tensor],
        features: torch.Tensor,
    ) -> dict[str, NDArray[Any]]:
        """What a registered model answers, one row per example."""


@dataclass(frozen=True)
class Study:
    """One study.

    Attributes:
        name: its namespace in pipelines, parameters and MLflow.
        title: its name for people.
        question: what it asks, one sentence.
        declaration: its block in the parameters.
        control: the arm that others are compared with in tables.
        curves: scores of the history that the report draws, in order.
        strips: metrics whose seeds the report draws one by one, in order.
        figures: names of the report's figures, from `composition.DRAWINGS`, in order.
        package: the package of its code; has the modules `method` (with `METHOD`) and `evaluation`.
        reported: figures of the report it re-does, by data set, arm and metric.
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

    @property
    def method(self) -> Method:
        """The study's formulas; imports torch."""
        return cast("Method", importlib.import_module(f"{self.package}.method").METHOD)

    @property
    def evaluation(self) -> Evaluation:
        """What is measured; imports torch."""
        return cast("Evaluation", importlib.import_module(f"{self.package}.evaluation"))
