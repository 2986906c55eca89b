"""Imports runs from CSV files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.runs.columns import numbers_of, seeds_of, typed
from latentlab.runs.importers.csv_cells import read_cells
from latentlab.runs.run_table import RunTable
from latentlab.runs.seed_names import only_seed
from latentlab.runs.trial_state import STATES

_SYNONYMS = {
    "complete": ("complete", "completed", "finished", "done", "success", "succeeded", "ok"),
    "pruned": ("pruned", "halved", "stopped", "early_stopped"),
    "diverged": ("diverged", "nan"),
    "failed": ("failed", "fail", "failure", "crashed", "error", "killed", "preempted"),
    "left out": ("running", "waiting", "scheduled", "pending", "queued", "preempting"),
}
_STATES = {word: state for state, words in _SYNONYMS.items() for word in words}
_CALLED_STATE = ("state", "status")

_PREFIXES = ("params_", "params.")
"""How `trials_dataframe()` of Optuna and `search_runs()` of MLflow name parameters."""

_EXPORTS = (
    ("Start Time", "Duration", "Run ID", "Name", "Source Type", "Source Name", "User", "Status"),
    ("Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep"),
)
"""First columns of MLflow's and W&B's exports; configuration and results follow, each sorted."""


def import_csv(
    path: str | Path,
    metrics: Sequence[str],
    *,
    seed: str | None = None,
    state: str | None = None,
    epochs: str | None = None,
    seconds: str | None = None,
    parameters: Sequence[str] | None = None,
) -> RunTable:
    """Import the runs of a CSV file with one row per run.

    Every column that is named below is taken as what it is named; the others are parameters, as
    far as the file does not show what they are. An empty cell of a parameter says that it does
    not exist in that row; a row without a value has failed. A column that is called a seed is
    taken as the seed, one that is called a state and holds states as the state. In a file of
    Optuna or MLflow whose parameters have a prefix, these are the parameters.

    Args:
        path: of the file.
        metrics: columns of the values.
        seed: column of the seed; rows that differ in nothing else are one configuration.
        state: column of the state: complete, pruned, diverged, failed, and usual other words for
            these; runs that have not ended are left out and counted.
        epochs: column of the epochs trained.
        seconds: column of the wall-clock seconds.
        parameters: columns of the parameters; none: all others.

    Raises:
        UserError: one line with the file, the column or row, and the remedy.
    """
    path = Path(path)
    named = [*metrics, *(c for c in (seed, state, epochs, seconds) if c is not None)]
    frame = read_cells(path, [*named, *(parameters or [])], enough=parameters is not None)
    notes: list[str] = []
    if state is None:
        state = _state_column(frame, named, notes)
        named += [] if state is None else [state]
    chosen = list(parameters) if parameters else _parameters(frame, named, metrics, notes)
    if seed is None:
        others = [name for name in frame.columns if name not in named]
        seed = only_seed(others, f"{path}: columns", "Name one as the seed")
        if seed is not None:
            notes.append(
                f"{seed} is a seed: rows that differ in nothing else are one configuration"
            )
    states = _states(frame, state, path)
    ended = states != "left out"
    if not ended.all():
        notes.append(f"{int((~ended).sum())} runs have not ended and are left out")
    frame, states = frame[ended], states[ended]
    values = {name: numbers_of(frame[name], f"{path}: column {name}") for name in metrics}
    columns = {
        _bare(name) if parameters is None else name: typed(frame[name])
        for name in chosen
        if name != seed
    }
    return RunTable(
        name=path.stem,
        parameters=pd.DataFrame(columns, index=frame.index),
        values=pd.DataFrame(values, index=frame.index),
        states=states,
        seeds=None if seed is None else seeds_of(frame[seed], f"{path}: column {seed}"),
        epochs=_numbers(frame, epochs, path),
        seconds=_numbers(frame, seconds, path),
        notes=tuple(notes),
    )


def _parameters(
    frame: pd.DataFrame, named: Collection[str], metrics: Sequence[str], notes: list[str]
) -> list[str]:
    """Return the columns that are neither named nor shown by the file to be something else."""
    others = [name for name in frame.columns if name not in named]
    prefixed = [name for name in others if name.startswith(_PREFIXES)]
    if prefixed:
        left = [name for name in others if name not in prefixed]
        if left:
            notes.append(f"columns beside {prefixed[0][:7]}* are left out: {', '.join(left)}")
        return prefixed
    # pandas writes its index as a first column without a name.
    unnamed = [name for name in others if name.startswith("Unnamed:")]
    if unnamed:
        notes.append(f"{len(unnamed)} columns without a name are left out")
    results = _results(list(frame.columns), metrics)
    if found := [name for name in others if name in results]:
        notes.append(f"results of a tracker beside {metrics[0]} are left out: {', '.join(found)}")
    return [name for name in others if name not in unnamed and name not in results]


def _results(header: list[str], metrics: Sequence[str]) -> list[str]:
    """Return the columns of a tracker's export that stand among its results, and behind them."""
    trackers = {name for first in _EXPORTS for name in first} | {"Agent"}
    others = [name for name in header if name not in trackers]
    if not any(set(first) <= set(header) for first in _EXPORTS) or not set(metrics) <= set(others):
        return []
    starts = [k for k in range(1, len(others)) if others[k].lower() < others[k - 1].lower()]
    # Tags may follow. Columns in another order have been moved by hand, and say nothing.
    before = [k for k in starts if k <= min(others.index(metric) for metric in metrics)]
    return others[before[0] :] if len(before) == 1 and len(starts) <= 2 else []


def _bare(name: str) -> str:
    return next((name.removeprefix(p) for p in _PREFIXES if name.startswith(p)), name)


def _state_column(frame: pd.DataFrame, named: Collection[str], notes: list[str]) -> str | None:
    """Return the column that is called a state and holds some."""
    called = [n for n in frame.columns if n.lower() in _CALLED_STATE and n not in named]
    for name in called:
        if any(_word(cell) in _STATES for cell in frame[name].unique()):
            notes.append(f"{name} is taken for the state of the runs")
            return str(name)
    return None


def _word(cell: str) -> str:
    # Optuna writes `TrialState.COMPLETE` in some versions.
    return cell.strip().lower().rpartition(".")[2]


def _states(frame: pd.DataFrame, state: str | None, path: Path) -> NDArray[np.object_]:
    """Return the state of each row; complete where nothing is said."""
    if state is None:
        return np.full(len(frame), "complete", dtype=object)
    words = frame[state].map(_word)
    unknown = words[~words.isin(list(_STATES))]
    if len(unknown):
        raise UserError(
            f"{path}: column {state}: '{unknown.iloc[0]}' in row {unknown.index[0]} is no state",
            f"Write one of {', '.join(STATES)}, or running",
        )
    return words.map(_STATES).to_numpy(dtype=object)


def _numbers(frame: pd.DataFrame, column: str | None, path: Path) -> NDArray[np.float64] | None:
    if column is None:
        return None
    return numbers_of(frame[column], f"{path}: column {column}").to_numpy(dtype=float)
