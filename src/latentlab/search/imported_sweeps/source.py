"""Where an imported sweep is read from: the `analysis` block of the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.core.model import Names
from latentlab.core.validation import nearest
from latentlab.metrics.metric import Better
from latentlab.runs.importers.importer import Asked, Found, RunsOf
from latentlab.runs.run_table import RunTable
from latentlab.runs.seed_names import is_seed
from latentlab.runs.source_settings import SourceSettings
from latentlab.runs.sources import open_source
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.imported_sweeps.searched_columns import searched_only
from latentlab.search.table import Objective, SweepTable

_BETTER: dict[Literal["maximize", "minimize"], Better] = {
    "maximize": "higher",
    "minimize": "lower",
}


class ImportedSweep(SourceSettings):
    """A finished sweep that this project did not run."""

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
    epochs: str | None = Field(None, description="files: column of the epochs trained")
    seconds: str | None = Field(None, description="files: column of the seconds")
    parameters: Names | None = Field(
        None, description="a list, or a+b on the command line; none: what the columns show"
    )
    sampler: Literal["grid", "random", "quasi_random", "tpe", "unknown"] | None = None
    settings: AnalysisSettings = AnalysisSettings()


def read_imported_sweep(chosen: ImportedSweep, root: Path, runs_of: RunsOf) -> SweepTable:
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
            "Give a file, a folder of runs, an Optuna storage or mlflow:<experiment>, as in "
            "--params analysis.source=trials.csv,analysis.objective=accuracy.",
        )
    asked = Asked(
        said=chosen,
        block="analysis",
        root=root,
        runs_of=runs_of,
        metrics=[chosen.objective or "value"],
        better=None if chosen.direction is None else _BETTER[chosen.direction],
        parameters=chosen.parameters,
        epochs=chosen.epochs,
        seconds=chosen.seconds,
    )
    found = open_source(chosen.source, asked)
    runs = found.runs(_searched_for(found, chosen.objective))
    if chosen.parameters is None and runs.distributions is None:
        runs = searched_only(runs)
    if seeds := [str(name) for name in runs.parameters if is_seed(str(name))]:
        raise UserError(
            f"{runs.name}: {' and '.join(seeds)} cannot be searched: a seed is a blocking factor",
            "Take it out of analysis.parameters, or name it as analysis.seed.",
        )
    return sweep_of_runs(runs, _objectives(runs, chosen), chosen.sampler)


def _searched_for(found: Found, objective: str | None) -> Sequence[str]:
    """Return the metrics that were searched for, with the one that is analysed in the first place.

    Raises:
        UserError: the study has no such objective.
    """
    known = found.objectives
    if not known:
        return [objective or "value"]
    if objective is None:
        return known
    if objective not in known:
        raise UserError(
            f"analysis.objective: there is no objective {objective}", nearest(objective, known)
        )
    return sorted(known, key=lambda name: name != objective)


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
