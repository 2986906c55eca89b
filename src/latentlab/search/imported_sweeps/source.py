"""Where an imported sweep is read from: the `analysis` block of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from latentlab.core.errors import UserError
from latentlab.core.model import Names
from latentlab.core.validation import nearest
from latentlab.runs.run_table import RunTable
from latentlab.runs.seed_names import is_seed
from latentlab.runs.sources import SourceKind, kind_of, refuse_unused
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.imported_sweeps.searched_columns import searched_only
from latentlab.search.table import Objective, SweepTable

if TYPE_CHECKING:
    import pandas as pd

_UNUSED: dict[SourceKind, tuple[str, ...]] = {
    "csv": ("study",),
    "mlflow": ("study", "state", "epochs", "seconds"),
    "optuna": ("seed", "state", "epochs", "seconds", "parameters"),
}


class ImportedSweep(BaseModel):
    """A finished sweep that this project did not run."""

    # A column may be called 1, which the command line reads as a number.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    source: str | None = Field(
        None,
        description="a CSV file, an Optuna storage (a URL, a SQLite or a journal file), or "
        "mlflow:<experiment>",
    )
    study: str | None = Field(None, description="Optuna: name of the study; none: the only one")
    objective: str | None = Field(
        None,
        description="column or metric; none: `value`, of an Optuna study its first objective",
    )
    direction: Literal["maximize", "minimize"] | None = Field(
        None, description="none: maximize; an Optuna study knows its own"
    )
    constant: float | None = Field(
        None, description="score of the best constant predictor, where it is known"
    )
    seed: str | None = Field(None, description="column of the seed; none: one that is called so")
    state: str | None = Field(None, description="CSV: column of the state; none: one called so")
    epochs: str | None = Field(None, description="CSV: column of the epochs trained")
    seconds: str | None = Field(None, description="CSV: column of the seconds")
    parameters: Names | None = Field(
        None, description="a list, or a+b on the command line; none: what the columns show"
    )
    sampler: Literal["grid", "random", "quasi_random", "tpe", "unknown"] | None = None
    settings: AnalysisSettings = AnalysisSettings()


def read_imported_sweep(
    chosen: ImportedSweep, root: Path, runs_of: Callable[[str], pd.DataFrame]
) -> SweepTable:
    """Return a finished sweep from wherever it is.

    Args:
        chosen: where it is, and what its columns mean.
        root: of the project, for relative paths.
        runs_of: the runs of an experiment of MLflow as a table, by its name.

    Raises:
        UserError: nothing was chosen, what was chosen cannot be read, or a setting has no meaning
            for it.
    """
    if chosen.source is None:
        raise UserError(
            "analysis.source names no sweep",
            "Give a CSV file, an Optuna storage or mlflow:<experiment>, as in "
            "--params analysis.source=trials.csv,analysis.objective=accuracy.",
        )
    kind, place = kind_of(chosen.source, root)
    refuse_unused("analysis", chosen, chosen.source, kind, _UNUSED[kind])
    objective = chosen.objective or "value"
    if kind == "optuna":
        from latentlab.runs.importers.optuna import import_optuna

        runs = _with_objective(import_optuna(place, chosen.study), chosen.objective)
    elif kind == "mlflow":
        from latentlab.runs.importers.mlflow import import_mlflow

        runs = import_mlflow(
            runs_of(place), [objective], place, seed=chosen.seed, parameters=chosen.parameters
        )
    else:
        from latentlab.runs.importers.csv import import_csv

        runs = import_csv(
            place,
            [objective],
            seed=chosen.seed,
            state=chosen.state,
            epochs=chosen.epochs,
            seconds=chosen.seconds,
            parameters=chosen.parameters,
        )
    if chosen.parameters is None and runs.distributions is None:
        runs = searched_only(runs)
    if seeds := [str(name) for name in runs.parameters if is_seed(str(name))]:
        raise UserError(
            f"{runs.name}: {' and '.join(seeds)} cannot be searched: a seed is a blocking factor",
            "Take it out of analysis.parameters, or name it as analysis.seed.",
        )
    return sweep_of_runs(runs, _objectives(runs, chosen), chosen.sampler)


def _with_objective(runs: RunTable, objective: str | None) -> RunTable:
    """Return the runs of a study with an objective in the first place, where it is analysed.

    Raises:
        UserError: the study has no such objective.
    """
    known = [str(name) for name in runs.values]
    if objective is None:
        return runs
    if objective not in known:
        raise UserError(
            f"study {runs.name}: analysis.objective: there is no objective {objective}",
            nearest(objective, known),
        )
    order = sorted(known, key=lambda name: name != objective)
    return replace(runs, values=runs.values[order])


def _objectives(runs: RunTable, chosen: ImportedSweep) -> list[Objective]:
    """Return what was searched for, in the order of the values.

    Raises:
        UserError: the runs know another direction than the one that is chosen.
    """
    known = runs.directions or {}
    first, *others = map(str, runs.values)
    direction = chosen.direction or known.get(first, "maximize")
    if direction != known.get(first, direction):
        raise UserError(
            f"study {runs.name}: analysis.direction: {first} is to {known[first]} there",
            "Leave analysis.direction out",
        )
    return [
        Objective(first, direction, chosen.constant),
        *(Objective(name, known[name]) for name in others),
    ]
