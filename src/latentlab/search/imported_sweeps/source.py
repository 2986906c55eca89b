"""Where an imported sweep is read from: the `analysis` block of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from latentlab.core.errors import UserError
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.table import Objective, SweepTable

if TYPE_CHECKING:
    import pandas as pd

MLFLOW = "mlflow:"
"""Marks an experiment of the tracking store: `mlflow:<experiment>`."""


class ImportedSweep(BaseModel):
    """A finished sweep that this project did not run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = Field(
        None,
        description="a CSV file, an Optuna storage (a URL or a journal file), or "
        "mlflow:<experiment>",
    )
    study: str | None = Field(None, description="Optuna: name of the study; none: the only one")
    objective: str = Field("value", description="column or metric")
    direction: Literal["maximize", "minimize"] = "maximize"
    constant: float | None = Field(
        None, description="score of the best constant predictor, where it is known"
    )
    seed: str | None = Field(None, description="column of the seed; none: one that is called so")
    state: str | None = Field(None, description="CSV: column of the state")
    epochs: str | None = Field(None, description="CSV: column of the epochs trained")
    seconds: str | None = Field(None, description="CSV: column of the seconds")
    parameters: list[str] | None = Field(None, description="none: all other columns")
    sampler: Literal["grid", "random", "quasi_random", "tpe", "unknown"] | None = None
    settings: AnalysisSettings = AnalysisSettings()

    @property
    def objectives(self) -> list[Objective]:
        """What was searched for."""
        return [Objective(self.objective, self.direction, self.constant)]


def read_imported_sweep(
    chosen: ImportedSweep, root: Path, runs_of: Callable[[str], pd.DataFrame]
) -> SweepTable:
    """Return a finished sweep from wherever it is.

    Args:
        chosen: where it is, and what its columns mean.
        root: of the project, for relative paths.
        runs_of: the runs of an experiment of MLflow as a table, by its name.

    Raises:
        UserError: nothing was chosen, or what was chosen cannot be read.
    """
    if chosen.source is None:
        raise UserError(
            "analysis.source names no sweep",
            "Give a CSV file, an Optuna storage or mlflow:<experiment>, as in "
            "--params analysis.source=trials.csv,analysis.objective=accuracy.",
        )
    if chosen.source.startswith(MLFLOW):
        from latentlab.runs.importers.mlflow import import_mlflow

        name = chosen.source.removeprefix(MLFLOW)
        imported = import_mlflow(
            runs_of(name), [chosen.objective], name, seed=chosen.seed, parameters=chosen.parameters
        )
        return sweep_of_runs(imported, chosen.objectives, chosen.sampler)
    path = chosen.source if "://" in chosen.source else str(root / chosen.source)
    if path.endswith((".csv", ".tsv")):
        from latentlab.runs.importers.csv import import_csv

        imported = import_csv(
            path,
            [chosen.objective],
            seed=chosen.seed,
            state=chosen.state,
            epochs=chosen.epochs,
            seconds=chosen.seconds,
            parameters=chosen.parameters,
        )
        return sweep_of_runs(imported, chosen.objectives, chosen.sampler)
    from latentlab.runs.importers.optuna import import_optuna

    return sweep_of_runs(import_optuna(path, chosen.study), sampler=chosen.sampler)
