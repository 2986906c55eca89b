"""A study's figures: what they are drawn from, how one describes itself, and those all may name."""

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
from latentlab.reporting.figures import (
    forest_plot,
    latent_marginals,
    latent_scatter,
    learning_curves,
    reconstruction_grid,
)

PICTURED_ARMS = 3
"""Arms of which there is a panel each: with all, nobody would look."""


@dataclass(frozen=True)
class FigureContext:
    """What figures are drawn from.

    Attributes:
        study: whose figures they are.
        declaration: its arms and their configurations.
        verdicts: one row per hypothesis.
        history: scores per epoch: trial_id, arm, seed, epoch, step, metric, value.
        scores: trial_id, arm, seed, split, metric, value.
        arrays: from `pictures.draw_pictures`.
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
class FigureSpec:
    """One kind of figure: its title and caption in the report, and how it is drawn."""

    title: str
    caption: str
    draw: Callable[[FigureContext], Figure]


def curve_metrics(study: Study, history: pd.DataFrame) -> list[str]:
    """Return the metrics of a history of which learning curves are drawn, in order."""
    present = set(history["metric"])
    # Of a program, and of a model whose terms have other names than those of the scaffold, nobody
    # knows beforehand what the history holds.
    return [name for name in study.curves if name in present] or sorted(present)


FIGURES: dict[str, FigureSpec] = {
    "verdicts": FigureSpec(
        "Verdicts",
        "Effect of each hypothesis with its unadjusted interval; dashed, the declared boundary. "
        "Verdicts follow from the corrected p-values, not from the intervals.",
        lambda context: forest_plot(context.verdicts),
    ),
    "curves": FigureSpec(
        "Learning curves",
        "Mean over seeds with a 95 % t band; a diverged trial ends where it ended.",
        lambda context: learning_curves(
            context.history, curve_metrics(context.study, context.history), arms=context.arms
        ),
    ),
    "reconstructions": FigureSpec(
        "Reconstructions",
        "Test examples and what the first seed's models make of them.",
        lambda context: reconstruction_grid(
            context.arrays["originals"], context.by_arm("reconstruction")
        ),
    ),
    "latents": FigureSpec(
        "Latent samples",
        "Latent samples of test examples, first seed, coloured by class.",
        lambda context: latent_scatter(context.by_arm("latent"), context.labels),
    ),
    "marginals": FigureSpec(
        "Distributions against N(0, 1)",
        "Every latent dimension of the first seed's models against the prior's density.",
        lambda context: latent_marginals(context.by_arm("latent")),
    ),
}
"""The figures that every study may name in `Study.figures`; it may have others of its own."""


def figure_spec(study: Study, name: str) -> FigureSpec:
    """Look up a figure that the study names."""
    return FIGURES[name] if name in FIGURES else own_figures(study)[name]


def own_figures(study: Study) -> Mapping[str, FigureSpec]:
    """Import the study's own figures, by name; only for a study that has some."""
    figures: Mapping[str, FigureSpec] = importlib.import_module(f"{study.package}.figures").FIGURES
    return figures


def draw_figures(
    study: Study,
    declaration: Declaration,
    verdicts: pd.DataFrame,
    history: pd.DataFrame,
    scores: pd.DataFrame,
    arrays: Mapping[str, NDArray[Any]],
) -> dict[str, Figure]:
    """Draw the study's figures, by name and in its own order."""
    context = FigureContext(study, declaration, verdicts, history, scores, arrays)
    return {name: figure_spec(study, name).draw(context) for name in study.figures}
