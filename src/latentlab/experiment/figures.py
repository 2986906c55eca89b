"""What a study's figures are drawn from, and how a figure describes itself."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study

PICTURED_ARMS = 3
"""Arms of which there is a panel each: with all, nobody would look."""


@dataclass(frozen=True)
class Material:
    """What figures are drawn from.

    Attributes:
        study: whose figures they are.
        declaration: its arms and their configurations.
        verdicts: one row per hypothesis.
        history: scores per epoch: trial_id, arm, seed, epoch, step, metric, value.
        scores: trial_id, arm, seed, split, metric, value.
        arrays: from `scoring.draw_pictures`.
    """

    study: Study
    declaration: Declaration
    verdicts: pd.DataFrame
    history: pd.DataFrame
    scores: pd.DataFrame
    arrays: Mapping[str, NDArray[Any]]

    @property
    def arms(self) -> list[str]:
        """The trained arms, in the order of their colours."""
        return list(self.declaration.configs)

    def by_arm(self, kind: str) -> dict[str, NDArray[Any]]:
        """The arrays of one kind (`reconstruction`, `latent`, ...) by arm."""
        start = f"{kind}/"
        return {n.removeprefix(start): a for n, a in self.arrays.items() if n.startswith(start)}

    def pictured(self, kind: str) -> dict[str, NDArray[Any]]:
        """The arrays of one kind of the first arms that have them."""
        return dict(list(self.by_arm(kind).items())[:PICTURED_ARMS])

    @property
    def labels(self) -> NDArray[Any]:
        """Class numbers of the examples of `latent` and of what is `predicted`, [m]."""
        return self.arrays["labels"]

    @property
    def classes(self) -> list[str]:
        """Names of the classes, by number."""
        return [str(name) for name in self.arrays["classes"]]


@dataclass(frozen=True)
class Drawing:
    """One kind of figure: its title and caption in the report, and how it is drawn."""

    title: str
    caption: str
    draw: Callable[[Material], Figure]


def own_drawings(study: Study) -> Mapping[str, Drawing]:
    """The study's own figures by name; only for a study that has some."""
    drawings: Mapping[str, Drawing] = importlib.import_module(f"{study.package}.figures").DRAWINGS
    return drawings
